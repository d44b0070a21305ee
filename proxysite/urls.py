"""The URLs outside the API: the admin and its console."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    # Before the admin, whose last pattern matches everything.
    path("admin/console/", include("proxysite.console.urls")),
    path("admin/", admin.site.urls),
]

"""The URLs outside the API: the front page, the admin with its console, the pages of leads and members, and the report
API."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import include, path

from proxysite.console import sign_in
from proxysite.console.home import page as home
from proxysite.error_pages import bad_request
from proxysite.people import passwords


def front(request: HttpRequest) -> HttpResponse:
    """Leads to the admin, or people who administer nothing to their own pages."""
    return redirect("my:index" if sign_in.is_member_only(request.user) else "admin:index")


handler400 = bad_request.page

# Where the admin's own app does not do it (see the settings).
admin.autodiscover()

urlpatterns = [
    path("", front, name="front"),
    # Before the admin, whose last pattern matches everything.
    path("admin/console/", include("proxysite.console.urls")),
    path("admin/login/", sign_in.page),
    path("admin/password_change/", passwords.own(admin.site)),
    path("api/report/", include("proxysite.report_api.urls")),
    path("admin/", home.index),
    path("admin/", admin.site.urls),
    # Unfold's sign-in page shows its link to this name.
    path("my/forgot/", passwords.ask, name="admin_password_reset"),
    path("my/", include("proxysite.people.urls")),
    path("my/", include("proxysite.my.urls", namespace="my")),
]

"""The URLs of these pages, before those of /my/, which want somebody to be signed in."""

from __future__ import annotations

from django.urls import path, re_path

from proxysite.my.site import site
from proxysite.people import join, leaving, passwords

app_name = "people"
urlpatterns = [
    path("join/", join.page, name="join"),
    re_path(r"^join/(?P<token>[^/]+)/?$", join.link, name="join-link"),
    path("teams/<int:team_id>/leave/", site.admin_view(leaving.page), name="leave"),
    path("password/new/", passwords.new, name="new-password"),
    re_path(r"^password/(?P<token>[^/]+)/?$", passwords.link, name="password-link"),
]

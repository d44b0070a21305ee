"""The site at /my/: unfold's frame, sign-in, sign-out and password change for people who administer nothing."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.sites import UnfoldAdminSite


class MySite(UnfoldAdminSite):
    """Any active user may enter; what they see is decided object by object. No model is registered here."""

    settings_name = "UNFOLD_MY"
    login_template = "my/login.html"
    password_change_template = "my/password_change.html"  # noqa: S105
    password_change_done_template = "my/password_changed.html"  # noqa: S105
    logout_template = "my/signed_out.html"

    def has_permission(self, request: HttpRequest) -> bool:
        """Returns whether somebody is signed in."""
        return bool(request.user.is_active)


site = MySite("my")


def page(request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
    """Returns a page in the site's frame."""
    request.current_app = site.name
    # Templates cannot link to the admin by name: here `admin:` means this site.
    frame = {**site.each_context(request), "title": title, "admin_url": reverse("admin:index")}
    return TemplateResponse(request, template, {**frame, **context})


def private(response: HttpResponse) -> HttpResponse:
    """Keeps a response with a secret out of every cache. Its referrer policy stays same-origin: with no-referrer a
    browser would send `Origin: null` with its forms, which the check against cross-site requests refuses."""
    response["Cache-Control"] = "no-store, private"
    return response

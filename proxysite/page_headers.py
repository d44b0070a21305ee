"""What browsers may do with the pages and their files: a Content-Security-Policy and its relatives on every response.

All scripts and styles are files of this site, so that no page needs a nonce. Two concessions remain: Alpine.js, which
django-unfold's pages are built with, evaluates the expressions in their attributes ('unsafe-eval'), and templates and
htmx set styles in the page ('unsafe-inline' for styles alone). The API's requests do not come here.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

PAGES = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""For pages."""
FILES = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; sandbox"
"""For static files: a picture that is opened as a page runs nothing."""
DEBUGGED = PAGES.replace("'unsafe-eval'", "'unsafe-eval' 'unsafe-inline'")
"""For errors while DEBUG is on: Django's page about them has its scripts inside."""
HEADERS = {
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
        "microphone=(), midi=(), payment=(), usb=()"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
}


class PageHeadersMiddleware:
    """Sets the headers that a response does not have yet; the first of all middleware, so that none escapes it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answers a request."""
        response = self._get_response(request)
        if request.path.startswith(settings.STATIC_URL) and response.status_code < 400:
            policy = FILES
        else:
            policy = DEBUGGED if settings.DEBUG and response.status_code >= 400 else PAGES
        for name, value in {"Content-Security-Policy": policy, **HEADERS}.items():
            response.headers.setdefault(name, value)
        return response

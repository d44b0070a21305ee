"""The report API knows no cookies: a report token is all that opens it, and nobody's session is read or prolonged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

PREFIX: Final = "/api/report/"


class NoCookiesMiddleware:
    """Takes the cookies away from requests to the report API, before anything reads them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answers a request."""
        if request.path.startswith(PREFIX):
            request.COOKIES = {}
        return self._get_response(request)

"""A page for people who come by a link to an address that takes forms alone, such as after signing in again."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render


class WrongMethodMiddleware:
    """Gives answers of 405, which Django leaves empty, a page where a browser asked for one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answers a request."""
        response = self._get_response(request)
        if response.status_code != 405 or request.method != "GET" or not request.accepts("text/html"):
            return response
        if response.headers.get("Content-Type", "").startswith("application/json"):
            return response
        shown = render(request, "405.html", status=405)
        shown.headers["Allow"] = response.headers["Allow"]
        return shown

"""Sets whose request it is while the admin's pages run. The API does not pass here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from access.audit import context


@sync_and_async_middleware
def audit_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Comes behind the middleware that finds out who is signed in; the name is read when an entry is written."""
    if iscoroutinefunction(get_response):

        async def amiddleware(request: HttpRequest) -> HttpResponseBase:
            with context.of_request(request):
                return await cast("Awaitable[HttpResponseBase]", get_response(request))

        return amiddleware

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with context.of_request(request):
            return cast("HttpResponseBase", get_response(request))

    return middleware

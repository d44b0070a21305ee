"""The paths of the report API. All are reads: HEAD is GET without the body, OPTIONS says so, the rest is refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from proxysite.report_api.api import api
from proxysite.report_api.errors import ReportError, not_found, response

_METHODS: Final = "GET, HEAD, OPTIONS"

View = Callable[..., HttpResponseBase]


def _reads(view: View) -> View:
    """Returns a view that answers reads alone, and keeps its answers out of caches."""

    @csrf_exempt
    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        answer = _answer(view, request, *args, **kwargs)
        answer["Cache-Control"] = "no-store"
        if answer.status_code in (204, 405):
            answer["Allow"] = _METHODS
        return answer

    return answered


def _answer(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    method = request.method
    if method == "OPTIONS":
        return HttpResponse(status=204)
    if method not in ("GET", "HEAD"):
        text = f"The report API only reads: it takes GET, not {method}."
        return response(ReportError(405, "method_not_allowed", text))
    # The calls know GET; the server leaves the body of an answer to HEAD out.
    request.method = "GET"
    try:
        return view(request, *args, **kwargs)
    except Http404:
        return not_found(request)
    finally:
        request.method = method


_patterns, _app, _namespace = api.urls
_calls = [
    URLPattern(one.pattern, _reads(one.callback), one.default_args, one.name)
    for one in _patterns
    if isinstance(one, URLPattern)
]

urlpatterns = [
    path("v1/", include((_calls, _app), namespace=_namespace)),
    re_path(r"", _reads(not_found)),
]

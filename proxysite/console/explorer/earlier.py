"""Addresses of the usage report of earlier versions, which lead to the same question in the explorer."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_safe

_GROUPS: Final = {
    "": ("team", "model"), "providers": ("provider", "credential"), "tags": ("tags", "team"),
    "clients": ("client", "version"),
}  # fmt: skip


@require_safe
@permission_required("usage.view_requestlog", raise_exception=True)
def redirect(request: HttpRequest, name: str = "", format: str = "") -> HttpResponse:
    """Redirects to the explorer, or its file, with the days and filters of a report. Raises Http404 for no report."""
    if name not in _GROUPS:
        raise Http404
    query = QueryDict(mutable=True)
    query["group"], query["subgroup"] = _GROUPS[name]
    provider, _, model = request.GET.get("model", "").partition(": ")
    earlier = {
        "from": request.GET.get("first") or request.GET.get("from"),
        "to": request.GET.get("last") or request.GET.get("to"),
        "team": request.GET.get("team"),
        "provider": provider,
        "model": model,
    }
    query.update({parameter: value for parameter, value in earlier.items() if value})
    page = reverse("console:explorer-export", args=[format]) if format else reverse("console:explorer")
    return HttpResponseRedirect(f"{page}?{query.urlencode()}")

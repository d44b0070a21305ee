"""The live view's page. What it shows comes over its WebSocket (proxysite.live.socket)."""

from __future__ import annotations

import json

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from proxysite.live import SOCKET
from usage.models import Outcome

_ANY = "00000000-0000-0000-0000-000000000000"


@require_safe
@permission_required("usage.view_requestlog", raise_exception=True)
def page(request: HttpRequest) -> HttpResponse:
    """What runs now and what ended last, in every worker."""
    context = {
        **admin.site.each_context(request),
        "title": "Live",
        "socket": SOCKET,
        "login_url": reverse("admin:login"),
        "links": _links(request),
        "providers": True,
        "outcomes": json.dumps(dict(Outcome.choices)),
    }
    return TemplateResponse(request, "console/live.html", context)


def _links(request: HttpRequest) -> dict[str, str]:
    """Returns the addresses of what the reader may open, with ID for the number."""
    may = request.user.has_perm
    links = {"request": reverse("admin:usage_requestlog_change", args=["ID"])}
    if may("access.view_clientkey"):
        links["key"] = reverse("admin:access_clientkey_change", args=["ID"])
    if may("routing.view_route"):
        links["route"] = reverse("admin:routing_route_change", args=["ID"])
    if may("usage.cut_stream"):
        links["cut"] = reverse("console:live-cut", args=[_ANY]).replace(_ANY, "ID")
    return links

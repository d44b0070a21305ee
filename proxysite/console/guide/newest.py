"""The newest request since a moment, for a panel that waits for it: one query of an index a look. Those whose key was
refused have no row: workers tell of them while somebody looks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from access.permissions import Person, may
from access.roles.scope import visible
from providers.models import Provider
from proxysite.console.guide import refused_keys
from proxysite.console.guide.advice import Advice, advice, price_advice
from proxysite.console.guide.refused_keys import Refused
from proxysite.live import refusals
from usage.models import Outcome, RequestLog
from usage.reports import ending

_LONGEST = timedelta(days=1)


@require_safe
@permission_required("usage.view_requestlog", raise_exception=True)
def newest(request: HttpRequest) -> HttpResponse:
    """Returns a part of a page with the newest request since `since`, in milliseconds of POSIX time, and those after it
    that had a refused key; 204 where there is none, or where the page shows them already (`shown`)."""
    since = since_of(request)
    if since is None:
        return HttpResponseBadRequest("since: milliseconds are expected", content_type="text/plain")
    refusals.wait_for_some()
    row = visible(request.user, RequestLog.objects.filter(started_at__gte=since)).order_by("-started_at").first()
    url = "" if row is None else reverse("admin:usage_requestlog_change", args=[row.pk])
    return shown(request, row, url, refused=refused_keys.newest(request, since if row is None else row.started_at))


def since_of(request: HttpRequest) -> datetime | None:
    """Returns the moment that a page waits from, at most a day ago; None where it cannot be read."""
    text = request.GET.get("since", "")
    if not text.isascii() or not text.isdecimal() or len(text) > 15:
        return None
    earliest = timezone.now() - _LONGEST
    try:
        return max(earliest, datetime.fromtimestamp(int(text) / 1000, UTC))
    except (OverflowError, ValueError):
        return None


def shown(
    request: HttpRequest, row: RequestLog | None, url: str, *, advised: bool = True, refused: Sequence[Refused] = ()
) -> HttpResponse:
    """Returns the part of a page that shows a request, with a link to its own page, and what was refused after it;
    `advised`: with what to do about one that failed, for who sets the gateway up."""
    mark = ",".join([*([] if row is None else [str(row.pk)]), *(one.id for one in refused)])
    if not mark or mark == request.GET.get("shown"):
        return HttpResponse(status=204)
    context = {} if row is None else _context(request.user, row, url, advised=advised)
    context |= {"mark": mark, "refused": refused}
    response = TemplateResponse(request, "console/guide/newest.html", context)
    response["Cache-Control"] = "no-store, private"
    return response


def _context(person: Person, row: RequestLog, url: str, *, advised: bool) -> dict[str, Any]:
    failed = row.outcome not in (Outcome.COMPLETED, Outcome.CLIENT_CLOSED)
    return {
        "row": row,
        "sentence": ending.sentence(row),
        "variant": ending.VARIANTS[Outcome(row.outcome)],
        "advice": _for(person, row, failed=failed) if advised else None,
        "is_own": advised and row.outcome == Outcome.COMPLETED and _is_own(row.provider_id),
        "url": url,
    }


def _is_own(provider_id: int | None) -> bool:
    return provider_id is not None and Provider.objects.filter(pk=provider_id, is_demo=False).exists()


def _for(person: Person, row: RequestLog, *, failed: bool) -> Advice | None:
    found = advice(row) if failed else price_advice(row)
    if found is None:
        return None
    return found if may(person, found.permission) else msgspec.structs.replace(found, url="")

"""Requests at /my/: lists of one's own and of a team's, and one request with its attempts and what it cost."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from access.roles.scope import visible
from proxysite.my import contacts, scope
from proxysite.my.site import page as render
from usage.models import AttemptLog, Outcome, RequestLog
from usage.reports import ending, formatting
from usage.reports.rows.filters import id_in
from usage.rollups.measures import ERRORS

PER_PAGE = 50
DAYS = 90
"""How far back the lists go: a walk further back would read rows of everybody."""
FAILURE_DAYS = 30


@require_safe
def list_page(request: HttpRequest) -> HttpResponse:
    """Shows the requests of the person's own keys."""
    person = scope.person_of(request)
    return _list(request, scope.own_requests(person, DAYS), "My requests")


@require_safe
def team_page(request: HttpRequest, team_id: int) -> HttpResponse:
    """Shows the requests of a team's keys."""
    person = scope.person_of(request)
    team = scope.led_team(person, team_id)
    return _list(request, scope.requests_of(person, team, DAYS), f"Requests of {team}", team=team)


def _list(request: HttpRequest, rows: QuerySet[RequestLog], title: str, **context: Any) -> HttpResponse:
    only_errors = request.GET.get("outcome") == "errors"
    shown = rows.filter(outcome__in=ERRORS) if only_errors else rows
    if (key := id_in(request.GET.get("key", ""))) is not None:
        shown = shown.filter(key_id=key)
    if (owner := id_in(request.GET.get("member", ""))) is not None:
        shown = scope.of_owner(shown, owner, DAYS)
    found = list(_older_than(shown, request.GET.get("before", ""))[: PER_PAGE + 1])
    kept = {name: request.GET[name] for name in ("key", "member") if request.GET.get(name)}
    return render(
        request, "my/requests.html", title,
        rows=found[:PER_PAGE], outcomes=ending.VARIANTS, only_errors=only_errors, kept=kept,
        older=found[PER_PAGE - 1].pk if len(found) > PER_PAGE else None, days=DAYS, **context,
    )  # fmt: skip


def failures(rows: QuerySet[RequestLog], most: int) -> list[RequestLog]:
    """Returns the first of these requests that their caller saw fail."""
    return list(rows.filter(outcome__in=ERRORS)[:most])


def _older_than(rows: QuerySet[RequestLog], text: str) -> QuerySet[RequestLog]:
    try:
        last = rows.filter(pk=UUID(text)).first()
    except ValueError:
        return rows
    if last is None:
        return rows
    return rows.filter(Q(started_at__lt=last.started_at) | Q(started_at=last.started_at, pk__lt=last.pk))


@require_safe
def page(request: HttpRequest, row_id: UUID) -> HttpResponse:
    """Shows one request."""
    person = scope.person_of(request)
    row = scope.request(person, row_id)
    attempts = list(visible(person, AttemptLog.objects.filter(request_log_id=row.pk)).order_by("number"))
    return render(
        request, "my/request.html", "Request", row=row, attempts=attempts, sentence=ending.sentence(row),
        variant=ending.VARIANTS[Outcome(row.outcome)], parts=formatting.cost_parts(row),
        is_own=row.owner_id == person.pk,
        contacts=contacts.for_teams(person, [row.team_id]) if row.outcome in ERRORS else [],
    )  # fmt: skip

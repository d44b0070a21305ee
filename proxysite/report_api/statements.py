"""The calls about closed statements."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import P, PathEx, QueryEx
from pydantic import AfterValidator

from proxysite.report_api.errors import ReportError, only
from proxysite.report_api.schemas import StatementInfo, StatementLineInfo, Statements, StatementWithLines
from proxysite.report_api.tokens import of_its_team, token
from usage.reports import totals
from usage.statements.models import Statement, StatementLine


def _month(text: str) -> str:
    try:
        date.fromisoformat(f"{text}-01")
    except ValueError:
        raise ValueError("Write a month such as 2026-10.") from None
    return text


Month = QueryEx[
    Annotated[str, AfterValidator(_month)] | None, P(description="Only statements of this month, such as 2026-10.")
]
TeamId = QueryEx[int | None, P(description="Only statements of this team, by its id.")]
After = QueryEx[int, P(ge=0, le=2**63 - 1, description="Only statements with a greater number.")]
Limit = QueryEx[int, P(ge=1, le=1000, description="How many at most.")]
Number = PathEx[int, P(description="The number of a statement.")]


def statements(
    request: HttpRequest,
    month: Month = None,
    team: TeamId = None,
    after: After = 0,
    limit: Limit = 100,
) -> Statements:
    """Closed statements in the order of their numbers, without their lines."""
    only(request, "month", "team", "after", "limit")
    reader = token(request)
    found = Statement.objects.filter(number__gt=after).order_by("number")
    if team is not None:
        of_its_team(reader, team)
    if (team_id := team if team is not None else reader.team_id) is not None:
        found = found.filter(team_id=team_id)
    if month is not None:
        found = found.filter(month=date.fromisoformat(f"{month}-01"))
    rows = list(found[: limit + 1])
    return Statements(
        statements=[StatementInfo(**_fields(one)) for one in rows[:limit]],
        next=rows[limit - 1].number if len(rows) > limit else None,
    )


def statement(request: HttpRequest, number: Number) -> StatementWithLines:
    """One closed statement with its lines."""
    only(request)
    found = Statement.objects.filter(number=number).first()
    if found is None:
        raise ReportError(
            404, "not_found", f"There is no statement {number}. The call statements lists those there are."
        )
    of_its_team(token(request), found.team_id)
    lines = [StatementLineInfo(**_line_fields(line)) for line in found.lines.all()]
    return StatementWithLines(**_fields(found), lines=lines)


def _fields(one: Statement) -> dict[str, Any]:
    return {
        "number": one.number,
        "team_id": one.team_id,
        "team": one.team_name,
        "cost_centre": one.cost_centre,
        "month": f"{one.month:%Y-%m}",
        "time_zone": one.zone,
        "since": one.starts_at,
        "until": one.ends_at,
        "closed_at": one.closed_at,
        "total": totals.exact(one.total),
        "unit": "USD",
        "currency": one.currency or None,
        "rate": totals.exact(one.rate),
        "converted": totals.exact(one.converted),
        "hash": one.hash,
    }


def _line_fields(line: StatementLine) -> dict[str, Any]:
    return {
        "position": line.position,
        "kind": line.kind,
        "month": f"{line.month:%Y-%m}",
        "provider": line.provider_name,
        "model": line.model_name,
        "requests": line.requests,
        "unpriced": line.unknown_cost,
        "input_tokens": line.input_tokens,
        "cache_read_tokens": line.cache_read_tokens,
        "cache_write_tokens": line.cache_write_tokens,
        "output_tokens": line.output_tokens,
        "cost": totals.exact(line.cost),
    }

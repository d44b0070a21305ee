"""Whatever comes late and is corrected: the statements of a team together are the plain sum over its rows."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.models import Team
from tests.budgets.made import bound, budget, key_of
from tests.usage.added import counted, record, store
from tests.usage.dated import attempt, day, request
from usage.budgets.windows import ensure
from usage.models import RequestLog
from usage.money import to_pico
from usage.rollups import months, rebuild
from usage.statements import checking, drafts
from usage.statements.closing import close
from usage.statements.models import Statement, StatementLine

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

_ZONES = ("", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu")
_EDGES = tuple(day(f"{text}T20:00:00") for text in ("2025-12-31", "2026-01-31", "2026-02-28", "2026-03-31"))
_TEAMS = (1, 2)

_records = st.lists(st.builds(record, st.integers(0, 2**32), st.sampled_from(_EDGES)), max_size=6)
_rounds = st.tuples(
    st.sampled_from(_ZONES), _records, st.none() | st.integers(0, 10**12), st.booleans(), st.integers(1, 5)
)
"""What happens before a month is closed: a time zone, requests, the cost of two of them is another one, rollups of
months are built, and which month of 2026 it is."""


def _go(zone: str, requests: list[Any], cost: int | None, is_built: bool, month: int) -> None:
    Team.objects.filter(pk=1).update(time_zone=zone)
    store(requests)
    if cost is not None:
        newest = RequestLog.objects.order_by("-id").values_list("pk", flat=True)[:2]
        RequestLog.objects.filter(pk__in=list(newest)).update(cost=Decimal(cost).scaleb(-12))
        list(rebuild.rebuild(None, None, check=False))
    for one in months.unbuilt() if is_built else ():
        months.build(one)
    for team_id in _TEAMS:
        list(close(team_id, date(2026, month, 1)))


def _names(row: Any) -> tuple[str, str]:
    return row.provider_name, row.model_name


def _plain(team_id: int, until: datetime) -> dict[Any, Any]:
    rows = defaultdict(list)
    for row in RequestLog.objects.filter(team_id=team_id, started_at__lt=until):
        rows[_names(row)].append(row)
    figures = {names: counted(some) for names, some in rows.items()}
    return {names: {name: some[name] or 0 for name in drafts.SUMS} for names, some in figures.items()}


def _billed(team_id: int) -> dict[Any, Any]:
    found: dict[Any, dict[str, Any]] = {}
    for line in StatementLine.objects.filter(statement__team_id=team_id):
        into = found.setdefault(_names(line), dict.fromkeys(drafts.SUMS, 0))
        for name in drafts.SUMS:
            into[name] += getattr(line, name) or 0
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_rounds, min_size=1, max_size=4))
def test_all_statements_together_are_the_sum_over_rows(rounds: list[Any]) -> None:
    with transaction.atomic():
        for team_id in _TEAMS:
            Team.objects.create(pk=team_id, name=f"team {team_id}", time_zone=_ZONES[team_id])
        for one in rounds:
            _go(*one)
        for team_id in _TEAMS:
            list(close(team_id, date(2026, 6, 1)))
            statements = list(Statement.objects.filter(team_id=team_id).order_by("month"))
            if not statements:
                assert not RequestLog.objects.filter(team_id=team_id).exists()
                continue
            assert _billed(team_id) == _plain(team_id, statements[-1].ends_at)
            assert [one.ends_at for one in statements[:-1]] == [one.starts_at for one in statements[1:]]
        assert list(checking.faults()) == []
        transaction.set_rollback(True)


def test_late_usage_and_corrections_are_lines_of_the_next_statement() -> None:
    team = Team.objects.create(name="Search", cost_centre="CC-1")
    march = day("2026-03-10T10:00:00")
    fields: dict[str, Any] = {"team_id": team.pk, "team_name": "Search", "provider_name": "p", "input_tokens": 10}
    row = request(march, model_name="opus", cost=2 * 10**12, **fields)
    store([row])
    (first,) = close(team.pk, date(2026, 3, 1), closed_by=7)
    assert (first.team_name, first.cost_centre, first.zone, first.total, first.closed_by) == (
        "Search", "CC-1", "UTC", Decimal(2), 7,
    )  # fmt: skip

    store([request(march, model_name="haiku", cost=10**12, **fields)])
    store([request(day("2026-04-01T00:00:00"), model_name="opus", cost=3 * 10**12, **fields)])
    RequestLog.objects.filter(pk=row.id).update(cost=Decimal("1.5"))
    list(rebuild.rebuild(None, None, check=False))
    (second,) = close(team.pk, date(2026, 4, 1))
    lines = [(line.kind, str(line.month), line.model_name, line.requests, line.cost) for line in second.lines.all()]
    assert lines == [
        ("usage", "2026-04-01", "opus", 1, Decimal(3)),
        ("late", "2026-03-01", "haiku", 1, Decimal(1)),
        ("correction", "2026-03-01", "opus", 0, Decimal("-0.5")),
    ]
    assert second.total == Decimal("3.5")
    (third,) = close(team.pk, date(2026, 5, 1))
    assert (third.line_count, third.total) == (0, 0)


def test_usage_of_before_the_first_statement_is_late_usage() -> None:
    team = Team.objects.create(name="Search")
    fields: dict[str, Any] = {"team_id": team.pk, "model_name": "opus", "cost": 10**12}
    store([request(day("2026-03-10T10:00:00"), **fields)])
    list(close(team.pk, date(2026, 3, 1)))
    store([request(day("2025-11-10T10:00:00"), **fields)])
    (second,) = close(team.pk, date(2026, 4, 1))
    assert [(line.kind, str(line.month)) for line in second.lines.all()] == [("late", "2026-02-01")]


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Auckland", "UTC"])
def test_a_statement_says_what_the_window_of_the_months_budget_has_spent(zone: str) -> None:
    team = Team.objects.create(name="Search", time_zone=zone)
    of_team = budget(team=team, period="month")
    span = drafts.span_of(team, date(2026, 3, 1), None)
    second = timedelta(seconds=1)
    moments = (span.starts_at - second, span.starts_at, span.ends_at - second, span.ends_at)
    requests = [
        request(moment, team_id=team.pk, model_name="m", cost=10**number) for number, moment in enumerate(moments)
    ]
    store(requests, [attempt(one, model_name="m", cost=one.cost) for one in requests])
    statement = {one.month: one for one in close(team.pk, span.month)}[span.month]
    (record,) = bound(key_of(team, "ci"))
    (window,) = ensure([record], (span.ends_at - second).timestamp())
    assert window.budget_id == of_team.pk
    assert (window.starts_at, window.resets_at) == (statement.starts_at.timestamp(), statement.ends_at.timestamp())
    billed = sum(line.cost for line in statement.lines.filter(kind="usage"))
    assert to_pico(billed) == window.spent == 10 + 100

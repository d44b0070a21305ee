"""What is read of windows and rows is found by indexes: a batch, a draw and a new window cost as much with many windows
and rows as with few."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from access.models import Team
from tests.budgets.made import CENT, bound, budget, finished, key_of, person
from tests.usage.dated import day
from usage.budgets import spending
from usage.budgets.models import BudgetBlock, BudgetWindow
from usage.budgets.windows import ensure, look
from usage.journal.inserts import insert
from usage.models import RequestLog

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOW = day("2026-03-10T12:00:00")
_WHOLE = re.compile(r"\bSCAN usage_\w+(?! USING (?:COVERING )?INDEX)|Seq Scan on usage_(?!\w*default)\w+")
"""A table that is read from its beginning to its end."""


@pytest.fixture
def many() -> None:
    """A year of windows of 300 keys, owners and teams, of which one is the present one."""
    windows = []
    for number in range(300):
        for months in range(12):
            match = {("key_id", "owner_id", "team_id")[number % 3]: number}
            resets_at = datetime(2026 if months < 3 else 2025, (4 - months - 1) % 12 + 1, 1, tzinfo=UTC)
            starts_at = resets_at - timedelta(days=28)
            windows.append(
                BudgetWindow(budget_id=1000 + number, starts_at=starts_at, resets_at=resets_at, amount=1, **match)
            )
    BudgetWindow.objects.bulk_create(windows)
    BudgetBlock.objects.bulk_create(
        BudgetBlock(window=window, worker=f"worker-{window.pk % 7}", heartbeat=NOW) for window in windows
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def plan_of(statement: str, values: Sequence[Any] = ()) -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            # In SQLite's own form, with `?` for values.
            found = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
        else:
            cursor.execute(f"EXPLAIN {statement}", values)
            found = cursor.fetchall()
    return "\n".join(str(row[-1]) for row in found)


def selects(queries: Any) -> Iterator[str]:
    for one in queries:
        if one["sql"].startswith("SELECT") and "usage_" in one["sql"]:
            yield one["sql"]


@pytest.mark.usefixtures("many")
class TestWindows:
    def test_a_batch_finds_the_windows_of_its_keys_owners_and_teams(self) -> None:
        values: list[Any]
        if connection.vendor == "sqlite":
            values = [value for ids in ("[3]", "[4]", "[5]") for value in (ids, "2026-03-10 00:00:00")]
        else:
            values = [value for ids in ([3], [4], [5]) for value in (ids, NOW)]
        plan = plan_of(spending.matching(connection.vendor), values)
        assert not _WHOLE.search(plan), plan
        for index in ("usage_window_key", "usage_window_owner", "usage_window_team"):
            assert index in plan, plan

    def test_a_batch_finds_the_blocks_of_its_worker(self) -> None:
        window = BudgetWindow.objects.earliest("id").pk
        values = [f"[{window}]", '["worker-1"]'] if connection.vendor == "sqlite" else [[window], ["worker-1"]]
        plan = plan_of(spending.BLOCKS[connection.vendor], values)
        assert not _WHOLE.search(plan), plan

    def test_a_draw_finds_its_windows(self) -> None:
        team = Team.objects.create(name="Blue")
        mia = person("mia")
        key = key_of(team, "laptop", mia)
        for whom in ({"key": key}, {"user": mia}, {"team": team}, {"members_of": team, "period": "week"}):
            budget(**whom)
        with CaptureQueriesContext(connection) as queries:
            look(bound(key), NOW.timestamp())
        asked = [one for one in selects(queries) if "usage_budgetwindow" in one]
        assert asked
        for one in asked:
            plan = plan_of(one)
            assert not _WHOLE.search(plan), plan
            assert "usage_budgetwindow_once" in plan or "sqlite_autoindex" in plan, plan


def test_a_new_window_adds_up_its_rows_by_an_index() -> None:
    """Its key's and its team's rows by theirs, a person's by the time."""
    team = Team.objects.create(name="Blue")
    mia = person("mia")
    key = key_of(team, "laptop", mia)
    for whom in ({"key": key}, {"user": mia}, {"team": team}, {"members_of": team, "period": "week"}):
        budget(**whom)
    rows = [
        finished(NOW - timedelta(minutes=at), CENT, key_id=at % 50, team_id=at % 7, owner_id=at % 30)
        for at in range(2000)
    ]
    with transaction.atomic():
        insert([request for request, _ in rows], [attempt for _, made in rows for attempt in made])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        if connection.vendor == "postgresql":
            # So few rows are read as quickly without an index: the question is whether there is one.
            cursor.execute("SET LOCAL enable_seqscan = off")
    with CaptureQueriesContext(connection) as queries:
        ensure(bound(key), NOW.timestamp())
    asked = [one for one in selects(queries) if f'"{RequestLog._meta.db_table}"' in one]
    assert len(asked) == 4
    for one in asked:
        plan = plan_of(one)
        assert not _WHOLE.search(plan), f"{one}\n{plan}"

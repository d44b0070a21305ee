"""Pruning removes complete months by their ids, and nothing else."""

from __future__ import annotations

from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.usage.dated import written
from usage.journal import partitions
from usage.models import AttemptLog, RequestLog

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture(autouse=True)
def in_march(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is March 2026."""
    monkeypatch.setattr(partitions, "this_month", lambda: date(2026, 3, 1))
    monkeypatch.setattr(partitions, "DELETE_PAUSE", 0.0)


def _left() -> list[str]:
    """The days of the requests that are left; their attempts are the same."""
    of_requests = sorted(RequestLog.objects.values_list("started_at", flat=True))
    assert sorted(AttemptLog.objects.values_list("started_at", flat=True)) == of_requests
    return [f"{moment:%Y-%m-%d}" for moment in of_requests]


DAYS = ("1970-01-01", "2025-11-15", "2025-12-31T23:59:59.999", "2026-01-01", "2026-02-10", "2026-03-01", "2026-03-31")


@pytest.mark.parametrize("since", [date(2025, 10, 1), date(2026, 2, 1)], ids=["in partitions", "in DEFAULT"])
@pytest.mark.parametrize(
    ("keep", "left"),
    [
        (0, ["2026-03-01", "2026-03-31"]),
        (1, ["2026-02-10", "2026-03-01", "2026-03-31"]),
        (2, ["2026-01-01", "2026-02-10", "2026-03-01", "2026-03-31"]),
        (4, ["2025-11-15", "2025-12-31", "2026-01-01", "2026-02-10", "2026-03-01", "2026-03-31"]),
    ],
)
def test_the_months_to_keep_stay_whole(keep: int, left: list[str], since: date) -> None:
    partitions.ensure(since=since)
    written(*DAYS)
    partitions.prune(keep)
    assert _left() == left
    assert partitions.prune(keep) == []


def test_a_dry_run_says_what_would_go_and_removes_nothing() -> None:
    partitions.ensure(since=date(2025, 12, 1))
    written(*DAYS)
    would = partitions.prune(2, dry_run=True)
    assert len(_left()) == len(DAYS)
    gone = partitions.prune(2)
    assert [(one.table, one.partition, one.rows) for one in gone] == [
        (one.table, one.partition, one.rows) for one in would
    ]
    assert sum(one.rows for one in gone) == 6


def test_single_rows_are_deleted_in_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "DELETE_BATCH", 10)
    written(*["2025-06-01"] * 35, "2026-03-02")
    with CaptureQueriesContext(connection) as queries:
        partitions.prune(0)
    assert _left() == ["2026-03-02"]
    deletions = [query["sql"] for query in queries if query["sql"].startswith("DELETE")]
    assert len(deletions) == 2 * 4


def test_the_command_reports_what_it_removed() -> None:
    written("2025-06-01", "2026-03-02")
    output = StringIO()
    call_command("prune_usage", keep=12, stdout=output)
    call_command("prune_usage", keep=0, dry_run=True, stdout=output)
    call_command("prune_usage", keep=0, stdout=output)
    assert output.getvalue().splitlines() == [
        "There are no rows that old.",
        "would be removed: 1 single rows of usage_requestlog",
        "would be removed: 1 single rows of usage_attemptlog",
        "removed: 1 single rows of usage_requestlog",
        "removed: 1 single rows of usage_attemptlog",
    ]


def test_less_than_no_months_are_refused() -> None:
    written("2025-06-01")
    with pytest.raises(CommandError, match="counted from 0"):
        call_command("prune_usage", keep=-1)
    assert _left() == ["2025-06-01"]

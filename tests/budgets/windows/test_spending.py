"""What rows cost is in the windows that they count in as soon as they are there, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from access.models import Team
from tests.budgets.made import CENT, WORKER, block, bound, budget, finished, key_of, person, row, write
from tests.usage.dated import day
from usage.budgets.models import BudgetWindow
from usage.budgets.windows import Window, ensure
from usage.journal import replay
from usage.journal.account import Account, new_identity
from usage.journal.journal import Journal
from usage.journal.records import RequestRecord
from usage.journal.writer import Writer
from usage.money import PICO, to_pico

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOW = day("2026-03-10T12:00:00")
MOMENT = "2026-03-10T11:00:00"


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="Blue")


def windows_of(key: Any) -> list[Window]:
    return ensure(bound(key), NOW.timestamp())


def spent(window: Window) -> int:
    return to_pico(BudgetWindow.objects.get(pk=window.id).spent)


def drawn(window: Window) -> tuple[int, list[int]]:
    """What a window says is drawn, and what its blocks have."""
    row = BudgetWindow.objects.get(pk=window.id)
    return to_pico(row.drawn), [to_pico(one.amount) for one in row.blocks.order_by("id")]


class TestSpent:
    def test_a_row_counts_in_every_window_that_it_matches(self, team: Team) -> None:
        mia = person("mia")
        key = key_of(team, "laptop", mia)
        for whom in ({"key": key}, {"user": mia}, {"team": team, "hard": False}):
            budget(period="day", **whom)
        budget(members_of=team, period="week")
        windows = windows_of(key)
        whose = {"key_id": key.pk, "owner_id": mia.pk, "team_id": team.pk}
        row(MOMENT, CENT, 2 * CENT, None, **whose)
        assert [spent(window) for window in windows] == [3 * CENT] * 4
        row(MOMENT, 4 * CENT, **(whose | {"key_id": None}))
        row(MOMENT, 8 * CENT, **(whose | {"owner_id": None}))
        row(MOMENT, 16 * CENT, **(whose | {"team_id": None}))
        row(MOMENT, 32 * CENT)
        assert [spent(window) // CENT for window in windows] == [3 + 8 + 16, 3 + 4 + 16, 3 + 4 + 8, 3 + 4]

    def test_a_row_belongs_to_the_window_in_which_its_request_began(self, team: Team) -> None:
        key = key_of(team, "ci")
        budget(key=key, period="day", created="2026-03-10T06:00:00")
        today = windows_of(key)
        tomorrow = ensure(bound(key), today[0].resets_at)
        for moment, cost in (
            ("2026-03-10T05:59:59.999999", 1), ("2026-03-10T06:00:00", 2), ("2026-03-10T23:59:59.999999", 4),
            ("2026-03-11T00:00:00", 8), ("2026-03-12T00:00:00", 16),
        ):  # fmt: skip
            row(moment, cost * CENT, key_id=key.pk)
        assert [spent(today[0]), spent(tomorrow[0])] == [6 * CENT, 8 * CENT]

    def test_models_that_do_not_count_cost_nothing(self, team: Team) -> None:
        key = key_of(team, "ci")
        budget(key=key, model_names="opus-*")
        (window,) = windows_of(key)
        write(*(finished(MOMENT, cost, model=model, key_id=key.pk) for model, cost in (("opus-4", 1), ("sonnet", 2))))
        assert spent(window) == 1

    def test_a_window_adds_what_a_bulk_of_rows_costs(self, team: Team) -> None:
        key = key_of(team, "ci")
        budget(key=key)
        (window,) = windows_of(key)
        write(*(finished(MOMENT, CENT, key_id=key.pk) for _ in range(120)))
        assert spent(window) == 120 * CENT

    def test_a_sum_beyond_what_a_column_holds_loses_no_row(self, team: Team) -> None:
        key = key_of(team, "ci")
        budget(key=key)
        (window,) = windows_of(key)
        most = 2**63 - 1
        row(MOMENT, most, key_id=key.pk)
        write(finished(MOMENT, most, key_id=key.pk), finished(MOMENT, CENT, key_id=key.pk))
        assert spent(window) == most


class TestTwice:
    def test_a_row_that_arrives_twice_counts_once(self, team: Team) -> None:
        key = key_of(team, "ci")
        budget(key=key)
        (window,) = windows_of(key)
        one = finished(MOMENT, CENT, key_id=key.pk)
        write(one, one)
        write(one)
        assert spent(window) == CENT

    def test_an_attempt_that_comes_after_its_request_counts(self, team: Team) -> None:
        key = key_of(team, "ci")
        budget(key=key)
        (window,) = windows_of(key)
        request, (first, second) = finished(MOMENT, CENT, 2 * CENT, key_id=key.pk)
        write((request, [first]))
        write((request, [first, second]))
        assert spent(window) == 3 * CENT

    def test_a_journal_that_is_adopted_counts_once(self, team: Team, tmp_path: Path) -> None:
        key = key_of(team, "ci")
        budget(key=key)
        (window,) = windows_of(key)
        block(window.id, 10 * CENT)
        journal = Journal(tmp_path)
        journal.start()
        account = Account(None, RequestRecord(id=new_identity(), started_at=NOW, key_id=key.pk, worker=WORKER))
        attempt = account.attempt()
        attempt.cost, attempt.reserved, attempt.drawn_from = CENT, 4 * CENT, [window.id]
        assert journal.append(account, ended=True)
        journal.stop()
        write((account.request, account.attempts))
        writer = Writer(lambda one: None)
        assert replay.adopt(tmp_path, tmp_path / "own", writer.write_through, writer.return_block) == 1
        assert spent(window) == CENT
        assert drawn(window) == (6 * CENT, [6 * CENT])


class TestReservations:
    def test_a_row_takes_its_reservation_from_its_workers_blocks(self, team: Team) -> None:
        key = key_of(team, "ci")
        budget(key=key), budget(team=team)
        windows = windows_of(key)
        ids = [window.id for window in windows]
        for window_id in ids:
            block(window_id, 10 * CENT)
            block(window_id, 7 * CENT, worker="another")
        row(MOMENT, CENT, 2 * CENT, None, reserved=3 * CENT, drawn_from=ids, key_id=key.pk, team_id=team.pk)
        for window in windows:
            assert spent(window) == 3 * CENT
            assert drawn(window) == (8 * CENT, [CENT, 7 * CENT])

    def test_what_is_reserved_in_another_window_than_the_rows_comes_back_there(self, team: Team) -> None:
        """The day of the request ended before its attempt was drawn for, or its model counts in fewer budgets."""
        key = key_of(team, "ci")
        budget(key=key, period="day")
        (today,) = windows_of(key)
        (tomorrow,) = ensure(bound(key), today.resets_at)
        block(tomorrow.id, 10 * CENT)
        row(MOMENT, CENT, reserved=4 * CENT, drawn_from=[tomorrow.id], key_id=key.pk)
        assert (spent(today), spent(tomorrow)) == (CENT, 0)
        assert drawn(tomorrow) == (6 * CENT, [6 * CENT])

    def test_a_block_gives_back_no_more_than_it_has(self, team: Team) -> None:
        """It was settled and removed already, or repaired."""
        key = key_of(team, "ci")
        budget(key=key)
        (window,) = windows_of(key)
        block(window.id, CENT)
        block(window.id, 7 * CENT, worker="another")
        row(MOMENT, CENT, reserved=4 * CENT, drawn_from=[window.id], key_id=key.pk)
        assert drawn(window) == (7 * CENT, [0, 7 * CENT])
        row(MOMENT, CENT, reserved=4 * CENT, drawn_from=[window.id, window.id + 1000], key_id=key.pk)
        assert drawn(window) == (7 * CENT, [0, 7 * CENT])
        assert spent(window) == 2 * CENT


class TestCost:
    def test_without_budgets_a_batch_asks_once(self) -> None:
        batch = [finished(MOMENT, CENT, key_id=at, team_id=1) for at in range(20)]
        write(finished(MOMENT, CENT))
        with CaptureQueriesContext(connection) as queries:
            write(*batch)
        asked = [one["sql"] for one in queries if "budget" in one["sql"].lower()]
        # On SQLite a statement in its own form is in nobody's log.
        assert len(asked) == (1 if connection.vendor == "postgresql" else 0)

    def test_made_up_rows_count_too(self, team: Team) -> None:
        from usage.journal.writer import Prepared

        batch = [finished(MOMENT, CENT, key_id=7) for _ in range(3)]
        writer, prepared = Writer(lambda one: None), Prepared(batch, 5000)
        key = key_of(team, "ci")
        budget(key=key)
        (window,) = windows_of(key)
        BudgetWindow.objects.update(key_id=7)
        assert writer.write_prepared(prepared, lambda: batch)
        assert spent(window) == 3 * CENT
        assert PICO == 100 * CENT

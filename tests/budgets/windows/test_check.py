"""Every window is the sum of its rows, whatever comes in which order; `./gateway check_budgets` proves it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from io import StringIO
from random import Random
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.models import AuditEntry, ClientKey, Team
from tests.budgets.made import CENT, WORKER, block, bound, budget, finished, key_of, person, row, write
from tests.harness.patience import PATIENCE
from tests.usage.dated import day
from usage.budgets import bank, checking
from usage.budgets.draw import Want, draw
from usage.budgets.models import BudgetBlock, BudgetWindow
from usage.budgets.windows import ensure
from usage.journal.records import Finished
from usage.models import AttemptLog, RequestLog
from usage.money import to_dollars, to_pico

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOW = day("2026-03-10T12:00:00")


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="Blue")


def check(out: StringIO | None = None, **options: Any) -> str:
    out = out or StringIO()
    try:
        call_command("check_budgets", stdout=out, **options)
    except CommandError as error:
        return f"{out.getvalue()}{error}"
    return out.getvalue()


def alive(window_id: int, amount: int, worker: str = WORKER) -> None:
    """A block of a worker that lives."""
    block(window_id, amount, worker)
    BudgetBlock.objects.filter(worker=worker).update(heartbeat=timezone.now())


def many_budgets(team: Team) -> list[ClientKey]:
    """Keys and budgets of every kind."""
    team.time_zone = "America/Asuncion"
    team.save()
    mia, ben = person("mia"), person("ben")
    keys = [key_of(team, "a", mia), key_of(team, "b", ben), key_of(team, "ci")]
    budget(key=keys[0], period="day", created="2026-03-08T10:00:00")
    budget(user=mia, period="week", week_starts=3, model_names="opus*")
    budget(team=team, hard=False)
    budget(team=team, period="total", model_names="opus*\nm", created="2026-03-09")
    budget(members_of=team, period="day")
    return keys


def _any_request(chance: Random, keys: list[ClientKey]) -> Finished:
    key = chance.choice(keys)
    moment = NOW + timedelta(seconds=chance.randint(-4 * 86_400, 86_400))
    costs = [chance.choice((None, 0, chance.randint(1, 10**13))) for _ in range(chance.randint(0, 3))]
    ids = list(BudgetWindow.objects.values_list("id", flat=True))
    return finished(
        moment,
        *costs,
        model=chance.choice(("m", "opus-4", "sonnet")),
        reserved=chance.choice((None, CENT)),
        drawn_from=chance.sample(ids, min(len(ids), 2)),
        team_id=chance.choice((key.team_id, key.team_id, 999)),
        key_id=key.pk,
        owner_id=key.owner_id,
    )


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 25))
def test_windows_are_the_sums_of_their_rows_in_any_order(seed: int, steps: int) -> None:
    """Rows, late rows, rows that come again, windows that are created meanwhile, blocks, rows that are removed."""
    for model in (BudgetWindow, AttemptLog, RequestLog):
        model._default_manager.all().delete()
    team = Team.objects.filter(name="Blue").first() or Team.objects.create(name="Blue")
    keys = list(ClientKey.objects.order_by("id")) or many_budgets(team)
    chance, written = Random(seed), list[Finished]()
    for _ in range(steps):
        step = chance.random()
        if step < 0.5:
            batch = [_any_request(chance, keys) for _ in range(chance.randint(1, 4))]
            written += batch
            write(*batch, *chance.sample(written, min(len(written), 2)))
        elif step < 0.6 and written:
            write(*chance.sample(written, min(len(written), 5)))
        elif step < 0.9:
            when = NOW + timedelta(seconds=chance.randint(-4 * 86_400, 86_400))
            ensure(bound(chance.choice(keys)), when.timestamp())
        else:
            for identity in BudgetWindow.objects.values_list("id", flat=True):
                if not BudgetBlock.objects.filter(window=identity).exists():
                    alive(identity, 3 * CENT)
        assert [str(one) for one in checking.differences()] == []
    spent = {window.pk: to_pico(window.spent) for window in BudgetWindow.objects.all()}
    # What a window would be, were it created only now.
    BudgetWindow.objects.all().update(spent=0, drawn=0)
    BudgetBlock.objects.all().delete()
    assert {one.window.split()[1]: one.of_rows for one in checking.differences()} == {
        str(identity): amount for identity, amount in spent.items() if amount
    }


def _together(*tasks: Callable[[], None]) -> list[Exception]:
    """Runs tasks in threads at the same time; returns what they raised."""
    failures: list[Exception] = []
    start = threading.Barrier(len(tasks))

    def run(task: Callable[[], None]) -> None:
        try:
            start.wait(PATIENCE)
            task()
        except Exception as error:  # noqa: BLE001 - shown by the test that fails
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


@pytest.mark.django_db(transaction=True)
def test_writers_draws_new_windows_and_repairs_at_the_same_time_lose_nothing() -> None:
    team = Team.objects.create(name="Blue")
    keys = many_budgets(team)
    budgets = [bound(key) for key in keys]

    def writing(seed: int) -> None:
        chance = Random(seed)
        for _ in range(25):
            write(*(_any_request(chance, keys) for _ in range(8)))

    def creating() -> None:
        for days in (0, -1, 1, -2, -3):
            for binding in budgets:
                ensure(binding, (NOW + timedelta(days=days)).timestamp())
            time.sleep(0.02)

    def drawing() -> None:
        chance, worker = Random(3), "worker-3"
        for _ in range(60):
            ids = list(BudgetWindow.objects.values_list("id", flat=True))
            lacks = dict.fromkeys(chance.sample(ids, min(len(ids), 4)), CENT)
            draw(worker, [Want(lacks, CENT, dict.fromkeys(lacks, 10**18), keys[0].pk)])
            bank.Return(worker, dict.fromkeys(chance.sample(ids, min(len(ids), 4)), CENT // 2)).make()

    def repairing() -> None:
        for _ in range(5):
            assert [str(one) for one in checking.differences(repair=True)] == []
            checking.remove_dead(0.0)

    assert _together(partial(writing, 1), partial(writing, 2), creating, drawing, repairing) == []
    assert RequestLog.objects.count() == 2 * 25 * 8
    assert BudgetWindow.objects.count() > 10
    assert [str(one) for one in checking.differences()] == []
    assert BudgetWindow.objects.exclude(spent=0).count() > 5


class TestCommand:
    def test_what_is_right_is_right(self, team: Team) -> None:
        key = key_of(team, "ci")
        budget(key=key)
        (window,) = ensure(bound(key), NOW.timestamp())
        row("2026-03-10T11:00:00", CENT, key_id=key.pk)
        alive(window.id, 2 * CENT)
        assert check() == "All windows are right.\n"

    def test_what_differs_is_named_and_corrected(self, team: Team) -> None:
        key = key_of(team, "ci")
        budget(key=key), budget(team=team)
        first, second = ensure(bound(key), NOW.timestamp())
        row("2026-03-10T11:00:00", 3 * CENT, key_id=key.pk, team_id=team.pk)
        alive(first.id, 2 * CENT)
        BudgetWindow.objects.filter(pk=first.id).update(spent=to_dollars(4 * CENT), drawn=to_dollars(6 * CENT))
        found = check()
        assert f"window {first.id} of budget {first.budget_id}" in found
        assert "spent is $0.04, its rows cost $0.03; drawn is $0.06, its blocks have $0.02" in found
        assert f"window {second.id}" not in found
        assert "1 windows differ from their rows or blocks. Run check_budgets --repair to correct them." in found
        assert check().endswith(found.splitlines()[-1])
        assert "1 windows corrected; the others were right." in check(repair=True)
        assert check() == "All windows are right.\n"
        entry = AuditEntry.objects.get(action="budgets repaired")
        assert json.loads(entry.changes) == {"windows": 1, "workers": 0}

    def test_what_dead_workers_hold_is_shown_and_given_back(self, team: Team) -> None:
        key = key_of(team, "ci")
        budget(key=key)
        (window,) = ensure(bound(key), NOW.timestamp())
        alive(window.id, 2 * CENT)
        block(window.id, 5 * CENT, worker="worker-2")
        block(window.id, CENT, worker="worker-3")
        BudgetBlock.objects.filter(worker="worker-3").update(uncertain=True)
        found = check()
        assert "Worker worker-2 is gone and holds $0.05.\n" in found
        assert "Worker worker-3 is gone and holds $0.01. Some of it may have been spent" in found
        assert "worker-1" not in found
        assert "All windows are right." in found
        assert "Worker worker-2 is gone and holds $0.05. It was given back.\n" in check(repair=True, wait=0.0)
        assert check() == "All windows are right.\n"
        assert to_pico(BudgetWindow.objects.get().drawn) == 2 * CENT
        assert BudgetBlock.objects.get().worker == WORKER

    def test_who_writes_a_heartbeat_again_after_an_outage_keeps_what_it_holds(self, team: Team) -> None:
        key = key_of(team, "ci")
        budget(key=key)
        (window,) = ensure(bound(key), NOW.timestamp())
        for number, cents in enumerate((2, 5), 1):
            block(window.id, cents * CENT, worker=f"worker-{number}")

        class AfterTheOutage(StringIO):
            def write(self, text: str) -> int:
                if "looking again" in text:
                    bank.beat("worker-1")
                return super().write(text)

        found = check(AfterTheOutage(), repair=True, wait=0.01)
        assert found.startswith("2 workers without a heartbeat: looking again in 0.01 s.\nWorker worker-2 is gone")
        assert "worker-1" not in found
        assert to_pico(BudgetWindow.objects.get().drawn) == 2 * CENT
        assert BudgetBlock.objects.get().worker == "worker-1"


def test_sums_may_be_larger_than_a_column_holds(team: Team) -> None:
    budget(team=team)
    key = key_of(team, "ci")
    (window,) = ensure(bound(key), NOW.timestamp())
    for hour in (1, 2, 3):
        row(f"2026-03-10T{hour:02}:00:00", 6 * 10**18, team_id=team.pk, key_id=key.pk)
    BudgetWindow.objects.update(amount=to_dollars(4 * 10**18))
    alive(window.id, 4 * 10**18)
    alive(window.id, 4 * 10**18, "worker-2")
    assert check() == "All windows are right.\n"
    budget(key=key)
    assert [made.spent for made in ensure(bound(key), NOW.timestamp())] == [2**63 - 1] * 2

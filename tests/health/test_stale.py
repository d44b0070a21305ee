"""The age of a snapshot, and what follows where the database cannot be read: in parts, without a server."""

from __future__ import annotations

import math
import time
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from access.models import ClientKey
from routing.loading import revision
from routing.loading import store as store_module
from routing.loading.store import SnapshotStore
from routing.models import Rule
from streaming import stale
from tests.harness.configure import make_key

pytestmark = pytest.mark.django_db


class Clock:
    """A clock that stands still until it is set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Takes the database away from the store, and gives it back."""
    real = revision.read
    # The test's own connection stays open.
    monkeypatch.setattr(store_module, "connection", SimpleNamespace(close=lambda: None))

    def switch(*, away: bool) -> None:
        def read() -> tuple[dict[str, int], dict[str, int]]:
            raise OperationalError("connection refused")

        monkeypatch.setattr(revision, "read", read if away else real)

    return switch


def test_every_look_at_the_database_makes_the_snapshot_fresh(clock: Clock, away: Any, settings: Any) -> None:
    settings.MAX_STALE = 60
    store = SnapshotStore(clock)
    assert (store.age, store.too_old_at) == (None, math.inf)
    store.refresh()
    assert (store.age, store.too_old_at) == (0, 1060)
    clock.now += 10
    store.refresh()
    assert (store.age, store.too_old_at) == (0, 1070)
    away(away=True)
    clock.now += 100
    store.refresh()
    assert (store.age, store.too_old_at) == (100, 1070)
    away(away=False)
    store.refresh()
    assert (store.age, store.too_old_at) == (0, 1170)
    settings.MAX_STALE = 0
    store.refresh()
    assert store.too_old_at == math.inf


def test_a_database_that_never_answered_leaves_nothing_to_be_of_an_age(clock: Clock, away: Any) -> None:
    store = SnapshotStore(clock)
    away(away=True)
    store.refresh()
    assert (store.current, store.age) == (None, None)


def test_keys_follow_while_the_configuration_cannot_be_loaded(clock: Clock) -> None:
    key = make_key().row
    store = SnapshotStore(clock)
    store.refresh()
    rule = Rule.objects.create(name="mine", scenario="think", conditions=[{"field": "weather"}])
    store.refresh()
    assert "The rule mine" in str(store.status.error)
    clock.now += 100
    ClientKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
    store.refresh()
    assert store.current is not None
    assert store.current.keys[key.hash].revoked
    assert "The rule mine" in str(store.status.error)
    assert store.age == 0
    # Once it is corrected it is loaded, though the keys were loaded before it.
    rule.delete()
    store.refresh()
    assert store.status.error is None
    assert store.current.revisions == revision.numbers()


def test_what_a_warning_says() -> None:
    assert stale.warning(None, 60) is None
    assert stale.warning(stale.SHOWN_SECONDS - 0.1, 60) is None
    before, after, never = stale.warning(30, 60), stale.warning(4000, 60), stale.warning(4000, 0)
    assert before is not None
    assert "for 30 s: client keys that ended meanwhile still work here. After 60 s" in before
    assert after is not None
    assert "for 4,000 s: all requests are refused after 60 s" in after
    assert never is not None
    assert "until it answers" in never


def test_the_real_clock_never_runs_backwards_with_the_time_of_day(monkeypatch: pytest.MonkeyPatch) -> None:
    store = SnapshotStore()
    store.refresh()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    store.refresh()
    assert store.age is not None
    assert 0 <= store.age < 60

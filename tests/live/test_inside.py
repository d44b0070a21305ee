"""What the live view's parts do when something happens in the middle of their work."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError
from django.utils import timezone

from benchmarks.count.live import exchange
from proxysite.live import rows
from proxysite.live.hub import Hub, Update, Watcher
from proxysite.live.reporter import LiveReporter
from proxysite.live.sampling import Sampler
from proxysite.live.sight import Sight
from routing.models import Signal
from tests.harness.patience import PATIENCE
from tests.harness.rows import Rows
from usage.live.models import Cut
from usage.live.streams import MOST_OTHERS, MOST_RUNNING

ALL = Sight(everything=True)


class _Fails(Watcher):
    """Once, when it is first told something."""

    def __init__(self) -> None:
        super().__init__(ALL, 1)
        self.failed = asyncio.Event()

    def _put(self, frame: Update) -> None:
        if not self.failed.is_set():
            self.failed.set()
            raise RuntimeError("it failed")
        super()._put(frame)


@pytest.mark.both_databases
def test_one_round_that_fails_is_not_the_last_one(orm: Rows) -> None:
    async def run() -> None:
        hub, fails, other = Hub(), _Fails(), Watcher(ALL, 2)
        hub.join(fails)
        hub.join(other)
        await fails.failed.wait()
        for _ in range(2):
            await asyncio.wait_for(other.next(), PATIENCE)
        hub.leave(fails)
        hub.leave(other)

    asyncio.run(run())


@pytest.mark.parametrize("broken", [False, True], ids=["another cut is asked for meanwhile", "the database is away"])
def test_no_cut_is_forgotten(monkeypatch: pytest.MonkeyPatch, orm: Rows, broken: bool) -> None:
    listeners: list[Callable[[str], None]] = []
    looks, again = [], threading.Event()

    def to_cut() -> list[tuple[int, UUID]]:
        looks.append(1)
        if len(looks) > 1:
            again.set()
        elif broken:
            raise DatabaseError("away")
        else:
            listeners[0](Signal.Name.CUT)
        return []

    monkeypatch.setattr(rows, "to_cut", to_cut)
    runtime: Any = SimpleNamespace(exchanges=set(), store=SimpleNamespace(subscribe_signals=listeners.append))

    async def run() -> None:
        reporter = LiveReporter(runtime)
        reporter.start()
        listeners[0](Signal.Name.CUT)
        seen = await asyncio.to_thread(again.wait, PATIENCE)
        reporter.stop()
        assert seen

    asyncio.run(run())


@pytest.mark.both_databases
@pytest.mark.parametrize("hours", [-1, 1])
def test_clocks_of_machines_may_differ(monkeypatch: pytest.MonkeyPatch, orm: Rows, hours: int) -> None:
    """That of the pages' machine goes wrong; the worker's does not."""
    right, identity = timezone.now, uuid4()
    with monkeypatch.context() as wrong:
        wrong.setattr(timezone, "now", lambda: right() + timedelta(hours=hours))
        asked = rows.ask_to_cut(identity)
    try:
        assert (asked.pk, identity) in list(rows.to_cut())
        with monkeypatch.context() as wrong:
            wrong.setattr(timezone, "now", lambda: right() + timedelta(hours=hours))
            assert (asked.pk, identity) in list(rows.to_cut())
            rows.have_cut([asked.pk])
        asked.refresh_from_db()
        assert asked.done_at is not None
        assert abs(asked.done_at - right()) < timedelta(minutes=30)
    finally:
        Cut.objects.filter(pk=asked.pk).delete()


def test_of_many_streams_everybody_has_some() -> None:
    async def run() -> None:
        many = [exchange(number) for number in range(MOST_RUNNING + MOST_OTHERS + 50)]
        for place, one in enumerate(many):
            one.lifecycle.began = float(place)
            one.account.request.team_id, one.account.request.owner_id = 1, 1
        for late in many[-5:]:
            late.account.request.owner_id = 2
        runtime: Any = SimpleNamespace(exchanges=set(many), ended=())
        sample = Sampler(runtime).sample()
        assert [one.id for one in sample.running[:MOST_RUNNING]] == [
            str(one.account.request.id) for one in many[:MOST_RUNNING]
        ]
        assert sum(one.owner_id == 2 for one in sample.running) == 5
        assert sample.left_off == len(many) - len(sample.running) == 50

    asyncio.run(run())

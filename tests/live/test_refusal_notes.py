"""What is noted of requests with refused keys or wrong paths, for how long, and how much of it under a flood."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from access.keys import AccessDenied, Keys, caller, new_key
from proxysite.live import refusals
from proxysite.live.refusals import RefusalReporter
from routing.models import Signal
from streaming.refused_keys import RefusedKeys
from streaming.refused_notes import MOST_DESCRIBED, MOST_NOTES, Notes
from tests.harness.patience import PATIENCE, until
from tests.harness.rows import Rows
from usage.live.models import RefusalSample
from usage.live.refusals import SentKey, encode

RIGHT = new_key()
PROXIES = ("127.0.0.0/8",)


def _add(notes: Notes, headers: dict[str, str], peer: str = "198.51.100.7") -> None:
    refusal = caller(headers, Keys(), 0.0)
    assert isinstance(refusal, AccessDenied)
    notes.add("req_1", "POST /v1/messages", "", headers, refusal, (401, refusal.message), peer=peer)


def _nothing() -> None:
    """Nobody waits."""


def test_a_client_cannot_hide_others_behind_addresses_that_it_claims() -> None:
    notes = Notes(PROXIES, _nothing)
    for number in range(MOST_DESCRIBED + 1):
        _add(notes, {"x-forwarded-for": f"203.0.113.{number}"}, peer="198.51.100.1")
    _add(notes, {}, peer="198.51.100.2")
    assert [note.address for note in notes.taken()] == ["198.51.100.1", "198.51.100.2"]


@pytest.mark.parametrize(
    ("headers", "sent", "shown", "length"),
    [
        ({}, SentKey.NOTHING, "", 0),
        ({"authorization": "Bearer"}, SentKey.NOTHING, "", 0),
        ({"x-api-key": "YOUR-CLIENT-KEY"}, SentKey.PLACEHOLDER, "", 15),
        ({"authorization": "Bearer sk-ant-oat01-" + "s" * 90}, SentKey.ANTHROPIC, "", 103),
        ({"x-api-key": RIGHT.secret}, SentKey.WHOLE, RIGHT.prefix, 55),
        ({"x-api-key": RIGHT.secret[:-1]}, SentKey.CUT, RIGHT.prefix, 54),
        ({"x-api-key": RIGHT.secret[:-6] + "!!!!!!"}, SentKey.CUT, RIGHT.prefix, 55),
        ({"x-api-key": "hunter2"}, SentKey.OTHER, "", 7),
        ({"x-api-key": "sk-proj-" + "s" * 40}, SentKey.OTHER, "", 48),
        # Of two keys the one that is meant for this gateway.
        ({"x-api-key": "sk-ant-api03-x", "authorization": f"Bearer {RIGHT.secret}"}, SentKey.WHOLE, RIGHT.prefix, 55),
    ],
)
def test_what_is_noted_of_a_key(headers: dict[str, str], sent: SentKey, shown: str, length: int) -> None:
    notes = Notes(PROXIES, _nothing)
    _add(notes, headers)
    (note,) = notes.taken()
    assert (note.sent, note.shown, note.length, note.status) == (sent, shown, length, 401)
    # No more than what every page shows of a key.
    written = encode([note]).decode()
    for secret in " ".join(headers.values()).split():
        assert secret[len(shown) :] not in written or len(secret) <= len("Bearer")


def test_a_flood_is_bounded() -> None:
    calls: list[int] = []
    notes = Notes(PROXIES, lambda: calls.append(1))
    for _ in range(1_000):
        _add(notes, {"x-api-key": "wrong"})
    assert len(calls) == 1
    for number in range(1_000):
        _add(notes, {"x-api-key": "wrong"}, peer=f"203.0.113.{number}")
    assert len(calls) == MOST_DESCRIBED
    assert len(notes.taken()) == MOST_NOTES
    for number in range(1_000):
        _add(notes, {"x-api-key": "wrong"}, peer=f"2001:db8::{number:x}")
    assert len(notes.taken()) == MOST_NOTES
    # Whoever sends something after a look is told of again.
    _add(notes, {"x-api-key": "wrong"})
    assert notes.taken()[-1].address == "198.51.100.7"


@pytest.mark.both_databases
def test_it_ends_with_the_look(monkeypatch: pytest.MonkeyPatch, orm: Rows) -> None:
    monkeypatch.setattr(refusals, "LOOK", 0.5)
    listeners: list[Callable[[str], None]] = []
    keys, worker = RefusedKeys(0, PROXIES), SimpleNamespace(worker="refusals:1")
    store = SimpleNamespace(subscribe_signals=listeners.append)
    runtime: Any = SimpleNamespace(store=store, refused_keys=keys, sharing=worker)
    rows = RefusalSample.objects.filter(worker=worker.worker)

    async def run() -> None:
        reporter = RefusalReporter(runtime)
        reporter.start()
        assert keys.notes is None
        listeners[0](Signal.Name.LIVE)
        assert keys.notes is None
        for _ in range(2):
            listeners[0](Signal.Name.REFUSALS)
            assert keys.notes is not None
            _add(keys.notes, {"x-api-key": "wrong"})
            await _until(rows.exists)
            await _until(lambda: keys.notes is None and not rows.exists())
        listeners[0](Signal.Name.REFUSALS)
        assert keys.notes is not None
        _add(keys.notes, {"x-api-key": "wrong"})
        await _until(rows.exists)
        await asyncio.to_thread(reporter.stop)
        await _until(lambda: not rows.exists(), timeout=0)

    asyncio.run(run())


async def _until(true: Callable[[], bool], timeout: float = PATIENCE) -> None:
    """Waits in a thread, which closes its connection to the database."""

    def wait() -> None:
        try:
            until(true, timeout=timeout)
        finally:
            connection.close()

    await asyncio.to_thread(wait)

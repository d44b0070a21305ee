"""Restarts that nobody notices: two servers in turn behind nginx, and one whose listening socket somebody holds.

Twelve requests a second, streams shorter than DRAIN_DEADLINE: none is refused, none gets a 502, no stream is cut.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos import tally
from tests.chaos.arena import Arena, Server
from tests.chaos.plan import Act
from tests.harness.http.nginx import running_nginx
from usage.models import Outcome

SECONDS = 60.0 if tally.LONG else 6.0
PER_SECOND = 12
DEADLINE = "10"
"""DRAIN_DEADLINE in seconds; no stream takes longer than four."""


def _send_for_ever(arena: Arena, stop: threading.Event) -> None:
    began = time.monotonic()
    for number in itertools.count(1):
        act = Act(words=arena.rng.randint(1, 20), pause=arena.rng.choice([0, 0.02, 0.1, 0.2]))
        arena.driver.send([arena.plan(act=act, stream=arena.rng.random() < 0.7)])
        if stop.wait(began + number / PER_SECOND - time.monotonic()):
            return


@contextlib.contextmanager
def _steady_load(arena: Arena) -> Iterator[None]:
    stop = threading.Event()
    sender = threading.Thread(target=_send_for_ever, args=(arena, stop))
    sender.start()
    try:
        yield
    finally:
        stop.set()
        sender.join()
        arena.driver.wait(arena.driver.calls)


def _restart_in_turn(servers: list[Server]) -> int:
    """Restart one after the other, each at least once; how often."""
    until = time.monotonic() + SECONDS
    for number, server in enumerate(itertools.cycle(servers)):
        if number >= len(servers) and time.monotonic() > until:
            return number
        server.restart()
    raise AssertionError


def _nobody_noticed(arena: Arena) -> None:
    calls = arena.driver.calls
    assert len(calls) >= SECONDS * PER_SECOND / 2
    lost = [call for call in calls if not call.finished]
    assert not lost, f"{len(lost)} of {len(calls)} requests: {lost[:3]}"
    rows = arena.prove()
    assert len(rows.requests) == len(calls)
    assert {row.outcome for row in rows.requests.values()} == {Outcome.COMPLETED}


def test_two_servers_are_restarted_in_turn_behind_nginx(arena: Arena, tmp_path: Path) -> None:
    servers = [arena.serve(DRAIN_DEADLINE=DEADLINE), arena.serve(DRAIN_DEADLINE=DEADLINE)]
    with running_nginx(tmp_path, [server.port for server in servers]) as arena.driver.port, _steady_load(arena):
        assert _restart_in_turn(servers) >= 2
    _nobody_noticed(arena)


@pytest.mark.parametrize(("front", "workers"), [("nginx", 1), ("clients", 2)])
def test_restarts_behind_a_held_socket(front: str, workers: int, arena: Arena, tmp_path: Path) -> None:
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1024))
        server = arena.serve(listener=listener, workers=workers, DRAIN_DEADLINE=DEADLINE)
        if front == "nginx":
            arena.driver.port = held.enter_context(running_nginx(tmp_path, [server.port]))
        with _steady_load(arena):
            assert _restart_in_turn([server]) >= 1
        _nobody_noticed(arena)

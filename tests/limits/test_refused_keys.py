"""The count of requests with refused keys by address, in one worker."""

from __future__ import annotations

import pytest

from streaming import refused_keys
from streaming.refused_keys import RefusedKeys

PROXY = "127.0.0.1"


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(refused_keys, "time", clock)
    return clock


def test_a_client_counts_as_one_whatever_it_writes_and_whichever_way_it_comes(clock: Clock) -> None:
    counted = RefusedKeys(4, ("127.0.0.0/8",))
    # From its own address it may name any other; one of our proxies names it.
    requests = [("203.0.113.7", ""), ("203.0.113.7", "198.51.100.1"), (PROXY, "203.0.113.7"), (PROXY, "x, 203.0.113.7")]
    assert [counted.wait(*request) for request in requests] == [0, 0, 0, 0]
    assert [counted.wait(*request) for request in requests] == [60, 60, 60, 60]
    assert counted.wait(PROXY, "198.51.100.1") == 0


def test_a_proxy_that_names_nobody_is_not_counted(clock: Clock) -> None:
    counted = RefusedKeys(1, ("127.0.0.0/8",))
    assert [counted.wait(PROXY, "") for _ in range(3)] == [0, 0, 0]


def test_a_new_minute_begins_with_none(clock: Clock) -> None:
    counted = RefusedKeys(1, ())
    assert [counted.wait("203.0.113.7", "") for _ in range(2)] == [0, 60]
    clock.now += 45.5
    assert counted.wait("203.0.113.7", "") == 15
    clock.now += 14.5
    assert [counted.wait("203.0.113.7", "") for _ in range(2)] == [0, 60]


def test_addresses_beyond_those_that_are_remembered_are_let_through(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused_keys, "_MOST_ADDRESSES", 2)
    counted = RefusedKeys(1, ())
    for address in ("203.0.113.1", "203.0.113.2", "203.0.113.3"):
        counted.wait(address, "")
    assert [counted.wait(f"203.0.113.{last}", "") for last in (1, 2, 3)] == [60, 60, 0]
    clock.now += 60
    assert [counted.wait("203.0.113.3", "") for _ in range(2)] == [0, 60]

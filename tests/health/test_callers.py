"""For whom a circuit opens: each client key by its own failures, everybody when two keys fail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from providers.errors import ErrorKind, UpstreamError
from routing.health import AttemptTracker, Caller, CallerHealth, body_mark
from routing.health.callers import EVERYBODY, Failures, Only, concerns, joined, read, written
from tests.health.driver import HealthDriver, candidate, credential

KNOWN = candidate()
MALLORY, ALICE, BOB = 1, 2, 3
POISON = 99


class Keys:
    """Requests of several keys at one candidate; each has a body of its own unless one is named."""

    def __init__(self, *credentials: Any, **settings: Any) -> None:
        self.driver = HealthDriver(**settings)
        self.known = candidate(*credentials)
        self.circuit = self.driver.health.circuit("candidate:1:1")
        self._bodies: Iterator[int] = count(1000)

    def seen(self, key: int, body: int = 0) -> CallerHealth:
        return CallerHealth(self.driver.health, Caller(key, body or next(self._bodies)))

    def begun(self, health: CallerHealth) -> AttemptTracker:
        return health.begin(self.known, health.credential(self.known))

    def fails(self, key: int, times: int = 1, body: int = 0, kind: ErrorKind = ErrorKind.SERVER) -> None:
        for _ in range(times):
            self.begun(self.seen(key, body)).ended(UpstreamError(kind, "no"))

    def succeeds(self, key: int, times: int = 1) -> None:
        for _ in range(times):
            tracker = self.begun(self.seen(key))
            tracker.first_byte(0.1)
            tracker.ended(None)

    def off(self, key: int, body: int = 0) -> float | None:
        return self.seen(key, body).cooling(self.known)


def test_a_key_is_off_by_its_own_failures() -> None:
    keys = Keys()
    keys.fails(MALLORY, 4)
    assert keys.off(MALLORY) is None
    keys.fails(MALLORY)
    assert keys.off(MALLORY) == 30
    assert keys.off(ALICE) is None
    assert "it failed recently for this client key" in keys.seen(MALLORY).why_cooling(keys.known)
    # A question without a key is about anybody.
    assert keys.driver.health.cooling(keys.known) == 30


def test_a_success_of_another_key_does_not_clear_it() -> None:
    keys = Keys()
    for _ in range(5):
        keys.fails(MALLORY)
        keys.succeeds(ALICE)
    assert keys.off(MALLORY) == 30
    assert keys.off(ALICE) is None


def test_one_body_alone_is_off_when_it_fails_again_and_again() -> None:
    keys = Keys()
    keys.fails(MALLORY, 4, POISON)
    keys.fails(MALLORY, 3)
    # Four different ones by now.
    assert keys.off(MALLORY) is None
    keys.succeeds(MALLORY)
    keys.driver.clock.passes(31)
    keys.fails(MALLORY, 5, POISON)
    assert keys.off(MALLORY, POISON) == 30
    assert keys.off(MALLORY) is None
    assert keys.off(ALICE, POISON) is None
    keys.fails(ALICE, 5, POISON)
    # Whoever sends it, from now on; and nothing else.
    assert keys.off(BOB, POISON) == 30
    assert keys.off(MALLORY) is None
    assert keys.off(ALICE) is None


def test_everybody_is_off_when_two_keys_failed_and_nobody_succeeded() -> None:
    keys = Keys()
    keys.fails(MALLORY, 5, POISON)
    keys.fails(ALICE, 5, POISON + 1)
    assert keys.off(BOB) == 30
    assert keys.circuit.only == EVERYBODY


def test_two_keys_are_off_for_themselves_while_others_succeed() -> None:
    keys = Keys()
    keys.fails(MALLORY, 5)
    keys.succeeds(BOB)
    for _ in range(5):
        keys.fails(ALICE)
        keys.succeeds(BOB)
    assert keys.off(MALLORY) == keys.off(ALICE) == 30
    assert keys.off(BOB) is None


def test_failures_of_two_keys_that_are_far_apart_are_two_matters() -> None:
    keys = Keys()
    keys.fails(MALLORY, 4)
    keys.driver.clock.passes(61)
    keys.fails(ALICE, 4)
    assert keys.off(BOB) is None
    keys.fails(ALICE)
    assert keys.off(ALICE) == 30
    assert keys.off(BOB) is keys.off(MALLORY) is None


def test_half_of_the_recent_attempts_count_for_all_when_two_keys_failed() -> None:
    one, two = Keys(), Keys()
    for _ in range(5):
        one.succeeds(MALLORY)
        one.fails(MALLORY)
    assert one.off(MALLORY) == 30
    assert one.off(ALICE) is None
    for number in range(5):
        two.succeeds(BOB)
        two.fails(MALLORY if number % 2 else ALICE)
    assert two.off(BOB) == 30


def test_what_a_key_did_before_it_was_off_does_not_count_against_the_others() -> None:
    keys = Keys()
    for _ in range(4):
        keys.fails(MALLORY, 2)
        keys.succeeds(MALLORY)
    assert keys.off(MALLORY) == 30
    keys.fails(ALICE)
    assert keys.off(BOB) is None


def test_one_request_counts_once_however_often_it_is_retried() -> None:
    keys = Keys()
    for _ in range(4):
        health = keys.seen(MALLORY)
        for _ in range(5):
            keys.begun(health).ended(UpstreamError(ErrorKind.SERVER, "no"))
    assert keys.off(MALLORY) is None
    keys.fails(MALLORY)
    assert keys.off(MALLORY) == 30


def test_the_connection_and_the_account_are_everybodys() -> None:
    for kind, times in [(ErrorKind.CONNECT, 5), (ErrorKind.CONNECT_TIMEOUT, 5), (ErrorKind.RATE_LIMIT, 1)]:
        keys = Keys(credential(1))
        keys.fails(MALLORY, times, kind=kind)
        assert keys.off(ALICE) is not None
    for kind in (ErrorKind.AUTHENTICATION, ErrorKind.BILLING, ErrorKind.RATE_LIMIT):
        keys = Keys()
        # Also where another key is off, and there is no credential to count against.
        keys.fails(MALLORY, 5)
        keys.fails(ALICE, kind=kind)
        assert keys.off(BOB) is not None


def test_a_forbidden_prompt_is_its_keys_own() -> None:
    sole, two = Keys(credential(1)), Keys(credential(1), credential(2))
    sole.fails(MALLORY, 3, kind=ErrorKind.PERMISSION)
    assert sole.off(MALLORY) == 60
    assert "the provider forbade it to its credential key1 for this client key" in sole.seen(MALLORY).why_cooling(
        sole.known
    )
    assert sole.off(ALICE) is None
    two.fails(MALLORY, kind=ErrorKind.PERMISSION)
    chosen = {key: two.seen(key).credential(two.known) for key in (MALLORY, ALICE)}
    assert [None if one is None else one.id for one in chosen.values()] == [2, 1]


def test_the_probe_of_a_key_decides_for_that_key() -> None:
    keys = Keys()
    keys.fails(MALLORY, 5)
    keys.driver.clock.passes(30)
    keys.fails(MALLORY)
    assert keys.off(MALLORY) == 60
    assert keys.off(ALICE) is None
    keys.driver.clock.passes(60)
    keys.succeeds(MALLORY)
    assert keys.off(MALLORY) is None


def test_who_probes_first_and_fails_does_not_keep_it_shut_for_the_others() -> None:
    keys = Keys()
    keys.fails(MALLORY, 3)
    keys.fails(ALICE, 3)
    assert keys.off(BOB) == 30
    keys.driver.clock.passes(30)
    keys.fails(MALLORY)
    assert keys.off(MALLORY) == 60
    probe = keys.begun(keys.seen(BOB))
    # One at a time.
    assert keys.off(ALICE) == 1
    probe.ended(UpstreamError(ErrorKind.SERVER, "no"))
    # Two keys' probes are one failed probe: the time is doubled once.
    assert keys.off(ALICE) == keys.off(BOB) == keys.off(MALLORY) == 60
    keys.driver.clock.passes(60)
    keys.fails(MALLORY)
    keys.succeeds(BOB)
    assert keys.off(ALICE) is None


def test_a_key_alone_has_its_time_doubled_by_each_failed_probe() -> None:
    keys = Keys()
    keys.fails(MALLORY, 3)
    keys.fails(ALICE, 3)
    for seconds in (60, 120, 240, 300):
        keys.driver.clock.passes(keys.off(MALLORY) or 0)
        keys.fails(MALLORY)
        assert keys.off(MALLORY) == seconds


def test_after_the_first_byte_of_a_probe_a_failure_opens_for_its_own_key() -> None:
    keys = Keys()
    keys.fails(MALLORY, 3)
    keys.fails(ALICE, 3)
    keys.driver.clock.passes(30)
    probe = keys.begun(keys.seen(BOB))
    probe.first_byte(0.1)
    keys.fails(MALLORY)
    assert keys.off(MALLORY) == 60
    assert keys.off(BOB) is None
    probe.ended(None)
    assert keys.off(ALICE) is None


def test_those_that_never_come_back_do_not_leave_it_open_for_good() -> None:
    keys = Keys()
    keys.fails(MALLORY, 5)
    keys.driver.clock.passes(331)
    keys.succeeds(ALICE)
    assert keys.circuit.is_closed


def test_what_is_known_of_keys_and_bodies_is_bounded() -> None:
    failures = Failures()
    for key in range(1, 1000):
        failures.add(Caller(key, key), 0.0)
    for body in range(1, 1000):
        failures.add(Caller(1000, body), 0.0)
    assert len(failures._keys) == len(failures._recent) == len(failures._keys[1000].bodies) == 64
    only: Only = ((1, 0),)
    for key in range(2, 1000):
        only = joined(only, (key, 0), others_succeed=True)
    assert len(only) == 8
    assert len(written(tuple((2**40, 2**32 - 1) for _ in range(8)))) <= 300


def test_for_whom_is_written_and_read() -> None:
    assert written(EVERYBODY) == ""
    assert read("") == EVERYBODY
    only = ((17, 0), (18, 0x9AF3), (0, 0xFF))
    assert written(only) == "17,18/9af3,*/ff"
    assert read(written(only)) == only
    with pytest.raises(ValueError, match="invalid"):
        read("planet")
    assert concerns(only, Caller(17, 5))
    assert concerns(only, Caller(20, 0xFF))
    assert not concerns(only, Caller(18, 5))


def test_bodies_differ_by_their_length_or_their_end() -> None:
    long = b"x" * 5000
    marks = [body_mark(body) for body in (b"", b"a", b"b", long, long + b"x", long + b"y", b"y" + long)]
    assert len(set(marks)) == 6
    assert 0 not in marks

"""When a circuit opens, for how long, and how it closes again."""

from __future__ import annotations

import pytest

from providers.errors import ErrorKind, UpstreamError
from routing.snapshot import Snapshot
from tests.health.house import House, candidate, credential, renamed

KNOWN = candidate()
BAD = UpstreamError(ErrorKind.SERVER, "it broke")

COUNTED = [
    ErrorKind.SERVER,
    ErrorKind.OVERLOADED,
    ErrorKind.FIRST_EVENT_TIMEOUT,
    ErrorKind.IDLE_TIMEOUT,
    ErrorKind.TOTAL_TIMEOUT,
    ErrorKind.CONNECTION_LOST,
    ErrorKind.TRUNCATED,
    ErrorKind.MALFORMED,
    ErrorKind.CONNECT,
    ErrorKind.CONNECT_TIMEOUT,
]
OF_THE_REQUEST = [
    ErrorKind.INVALID_REQUEST,
    ErrorKind.CONTEXT_OVERFLOW,
    ErrorKind.TOO_LARGE,
    ErrorKind.NOT_FOUND,
    ErrorKind.CONFLICT,
]


@pytest.mark.parametrize("kind", COUNTED)
def test_the_fifth_failure_in_a_row_opens(kind: ErrorKind) -> None:
    house = House()
    house.fails(KNOWN, 4, kind)
    assert house.health.cooling(KNOWN) is None
    house.fails(KNOWN, 1, kind)
    assert house.health.cooling(KNOWN) == 30


@pytest.mark.parametrize("kind", OF_THE_REQUEST)
def test_what_the_request_is_to_blame_for_is_no_failure(kind: ErrorKind) -> None:
    house = House()
    house.fails(KNOWN, 50, kind)
    assert house.health.cooling(KNOWN) is None


@pytest.mark.parametrize("kind", OF_THE_REQUEST)
def test_what_the_request_is_to_blame_for_is_no_success_either(kind: ErrorKind) -> None:
    house = House()
    house.fails(KNOWN, 4)
    house.fails(KNOWN, 1, kind)
    house.fails(KNOWN, 1)
    assert house.health.cooling(KNOWN) == 30


def test_who_left_before_the_end_says_nothing() -> None:
    house = House()
    house.fails(KNOWN, 4)
    for _ in range(10):
        house.begun(KNOWN).ended(BAD, counted=False)
    assert house.health.cooling(KNOWN) is None
    house.begun(KNOWN).ended(None, counted=False)
    house.fails(KNOWN, 1)
    assert house.health.cooling(KNOWN) == 30


def test_a_long_answer_that_meets_our_limit_is_no_failure() -> None:
    house = House()
    for _ in range(10):
        tracker = house.begun(KNOWN)
        tracker.first_byte(0.2)
        tracker.ended(UpstreamError(ErrorKind.TOTAL_TIMEOUT, "too long"))
    assert house.health.cooling(KNOWN) is None


def test_a_success_in_between_starts_the_count_anew() -> None:
    house = House()
    for _ in range(2):
        house.fails(KNOWN, 4)
        house.tried(KNOWN)
    assert house.health.cooling(KNOWN) is None


def test_half_of_ten_within_thirty_seconds_open() -> None:
    house = House()
    for _ in range(4):
        house.tried(KNOWN)
        house.fails(KNOWN, 1)
    house.tried(KNOWN)
    assert house.health.cooling(KNOWN) is None
    house.fails(KNOWN, 1)
    assert house.health.cooling(KNOWN) == 30


def test_what_was_half_a_minute_ago_is_forgotten() -> None:
    house = House()
    for _ in range(4):
        house.tried(KNOWN)
        house.fails(KNOWN, 1)
    house.clock.passes(36)
    house.tried(KNOWN)
    house.fails(KNOWN, 1)
    assert house.health.cooling(KNOWN) is None


def test_one_probe_at_a_time_and_its_first_byte_closes() -> None:
    house = House()
    house.fails(KNOWN, 5)
    house.clock.passes(29)
    assert house.health.cooling(KNOWN) == pytest.approx(1)
    house.clock.passes(1)
    assert house.health.cooling(KNOWN) is None
    probe = house.begun(KNOWN)
    assert house.health.cooling(KNOWN) is not None
    probe.first_byte(0.3)
    assert house.health.cooling(KNOWN) is None
    probe.ended(None)
    house.fails(KNOWN, 4)
    assert house.health.cooling(KNOWN) is None


def test_after_a_probe_that_broke_off_in_its_answer_it_is_open_again() -> None:
    house = House()
    house.fails(KNOWN, 5)
    house.clock.passes(30)
    probe = house.begun(KNOWN)
    probe.first_byte(0.3)
    probe.ended(UpstreamError(ErrorKind.TRUNCATED, "gone"))
    assert house.health.cooling(KNOWN) == 60


def test_failed_probes_double_the_time_up_to_five_minutes() -> None:
    house = House()
    house.fails(KNOWN, 5)
    waits = []
    for _ in range(6):
        wait = house.health.cooling(KNOWN)
        assert wait is not None
        waits.append(wait)
        house.clock.passes(wait)
        house.fails(KNOWN, 1)
    assert waits == [30, 60, 120, 240, 300, 300]
    house.clock.passes(300)
    house.tried(KNOWN)
    house.fails(KNOWN, 5)
    assert house.health.cooling(KNOWN) == 30


def test_a_probe_that_the_client_leaves_is_followed_by_another_one() -> None:
    house = House()
    house.fails(KNOWN, 5)
    house.clock.passes(30)
    house.begun(KNOWN).ended(None, counted=False)
    assert house.health.cooling(KNOWN) is None
    assert house.begun(KNOWN) is not None
    assert house.health.cooling(KNOWN) is not None


def test_what_began_before_it_opened_neither_closes_nor_lengthens_it() -> None:
    house = House()
    well, badly = house.begun(KNOWN), house.begun(KNOWN)
    house.fails(KNOWN, 5)
    house.clock.passes(10)
    well.first_byte(10)
    well.ended(None)
    badly.ended(BAD)
    assert house.health.cooling(KNOWN) == 20


def test_an_overloaded_provider_that_names_a_time_gets_it() -> None:
    house = House()
    for _ in range(5):
        house.tried(KNOWN, ErrorKind.OVERLOADED, retry_after=90)
    assert house.health.cooling(KNOWN) == 90


def test_a_provider_that_cannot_be_reached_closes_all_its_models() -> None:
    house = House()
    other = candidate(model=2)
    house.fails(KNOWN, 3, ErrorKind.CONNECT_TIMEOUT)
    house.fails(other, 2, ErrorKind.CONNECT)
    assert house.health.cooling(KNOWN) == house.health.cooling(other) == 30
    assert "could not be reached" in house.health.why_cooling(other)


def test_one_model_that_fails_does_not_close_its_neighbour() -> None:
    house = House()
    house.fails(KNOWN, 5)
    assert house.health.cooling(KNOWN) == 30
    assert house.health.cooling(candidate(model=2)) is None


def test_switched_off_nothing_is_ever_held_back() -> None:
    house = House(enabled=False)
    known = candidate(credential(1))
    for kind in ErrorKind:
        house.fails(known, 20, kind)
    assert house.health.cooling(known) is None
    assert house.health.credential(known) is not None


def test_an_edited_provider_gets_a_fresh_start() -> None:
    house = House()
    known = candidate(credential(1))
    house.fails(known, 5)
    house.fails(known, 1, ErrorKind.AUTHENTICATION)
    house.health.reconfigure(Snapshot(providers={1: known.provider}))
    assert house.health.cooling(known) is not None
    house.health.reconfigure(Snapshot(providers={1: renamed(known, base_url="http://127.0.0.1:10")}))
    assert house.health.cooling(known) is None
    assert house.health.credential(known) is not None


def test_the_time_to_the_first_byte() -> None:
    house = House()
    assert house.health.time_to_first_token(KNOWN) is None
    for hundredths in range(1, 20):
        house.begun(KNOWN).first_byte(hundredths / 100)
    assert house.health.first_byte_p95(KNOWN) is None
    house.begun(KNOWN).first_byte(0.2)
    assert house.health.first_byte_p95(KNOWN) == 0.2
    average = house.health.time_to_first_token(KNOWN)
    assert average is not None
    assert 0.1 < average < 0.2
    house.clock.passes(301)
    assert house.health.time_to_first_token(KNOWN) is None


def test_how_many_are_under_way() -> None:
    house = House()
    trackers = [house.begun(KNOWN) for _ in range(3)]
    assert house.health.in_flight(KNOWN) == 3
    for tracker in trackers:
        tracker.ended(None)
        tracker.ended(None)
    assert house.health.in_flight(KNOWN) == 0

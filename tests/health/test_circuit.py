"""When a circuit opens, for how long, and how it closes again."""

from __future__ import annotations

import pytest

from providers.errors import ErrorKind, UpstreamError
from routing.snapshot import Snapshot
from tests.health.driver import HealthDriver, candidate, credential, renamed

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
    driver = HealthDriver()
    driver.fails(KNOWN, 4, kind)
    assert driver.health.cooling(KNOWN) is None
    driver.fails(KNOWN, 1, kind)
    assert driver.health.cooling(KNOWN) == 30


@pytest.mark.parametrize("kind", OF_THE_REQUEST)
def test_what_the_request_is_to_blame_for_is_no_failure(kind: ErrorKind) -> None:
    driver = HealthDriver()
    driver.fails(KNOWN, 50, kind)
    assert driver.health.cooling(KNOWN) is None


@pytest.mark.parametrize("kind", OF_THE_REQUEST)
def test_what_the_request_is_to_blame_for_is_no_success_either(kind: ErrorKind) -> None:
    driver = HealthDriver()
    driver.fails(KNOWN, 4)
    driver.fails(KNOWN, 1, kind)
    driver.fails(KNOWN, 1)
    assert driver.health.cooling(KNOWN) == 30


def test_who_left_before_the_end_says_nothing() -> None:
    driver = HealthDriver()
    driver.fails(KNOWN, 4)
    for _ in range(10):
        driver.begun(KNOWN).ended(BAD, counted=False)
    assert driver.health.cooling(KNOWN) is None
    driver.begun(KNOWN).ended(None, counted=False)
    driver.fails(KNOWN, 1)
    assert driver.health.cooling(KNOWN) == 30


def test_a_long_answer_that_meets_our_limit_is_no_failure() -> None:
    driver = HealthDriver()
    for _ in range(10):
        tracker = driver.begun(KNOWN)
        tracker.first_byte(0.2)
        tracker.ended(UpstreamError(ErrorKind.TOTAL_TIMEOUT, "too long"))
    assert driver.health.cooling(KNOWN) is None


def test_a_success_in_between_starts_the_count_anew() -> None:
    driver = HealthDriver()
    for _ in range(2):
        driver.fails(KNOWN, 4)
        driver.tried(KNOWN)
    assert driver.health.cooling(KNOWN) is None


def test_half_of_ten_within_thirty_seconds_open() -> None:
    driver = HealthDriver()
    for _ in range(4):
        driver.tried(KNOWN)
        driver.fails(KNOWN, 1)
    driver.tried(KNOWN)
    assert driver.health.cooling(KNOWN) is None
    driver.fails(KNOWN, 1)
    assert driver.health.cooling(KNOWN) == 30


def test_what_was_half_a_minute_ago_is_forgotten() -> None:
    driver = HealthDriver()
    for _ in range(4):
        driver.tried(KNOWN)
        driver.fails(KNOWN, 1)
    driver.clock.passes(36)
    driver.tried(KNOWN)
    driver.fails(KNOWN, 1)
    assert driver.health.cooling(KNOWN) is None


def test_one_probe_at_a_time_and_its_first_byte_closes() -> None:
    driver = HealthDriver()
    driver.fails(KNOWN, 5)
    driver.clock.passes(29)
    assert driver.health.cooling(KNOWN) == pytest.approx(1)
    driver.clock.passes(1)
    assert driver.health.cooling(KNOWN) is None
    probe = driver.begun(KNOWN)
    assert driver.health.cooling(KNOWN) is not None
    probe.first_byte(0.3)
    assert driver.health.cooling(KNOWN) is None
    probe.ended(None)
    driver.fails(KNOWN, 4)
    assert driver.health.cooling(KNOWN) is None


def test_after_a_probe_that_broke_off_in_its_answer_it_is_open_again() -> None:
    driver = HealthDriver()
    driver.fails(KNOWN, 5)
    driver.clock.passes(30)
    probe = driver.begun(KNOWN)
    probe.first_byte(0.3)
    probe.ended(UpstreamError(ErrorKind.TRUNCATED, "gone"))
    assert driver.health.cooling(KNOWN) == 60


def test_failed_probes_double_the_time_up_to_five_minutes() -> None:
    driver = HealthDriver()
    driver.fails(KNOWN, 5)
    waits = []
    for _ in range(6):
        wait = driver.health.cooling(KNOWN)
        assert wait is not None
        waits.append(wait)
        driver.clock.passes(wait)
        driver.fails(KNOWN, 1)
    assert waits == [30, 60, 120, 240, 300, 300]
    driver.clock.passes(300)
    driver.tried(KNOWN)
    driver.fails(KNOWN, 5)
    assert driver.health.cooling(KNOWN) == 30


def test_a_probe_that_the_client_leaves_is_followed_by_another_one() -> None:
    driver = HealthDriver()
    driver.fails(KNOWN, 5)
    driver.clock.passes(30)
    driver.begun(KNOWN).ended(None, counted=False)
    assert driver.health.cooling(KNOWN) is None
    assert driver.begun(KNOWN) is not None
    assert driver.health.cooling(KNOWN) is not None


def test_what_began_before_it_opened_neither_closes_nor_lengthens_it() -> None:
    driver = HealthDriver()
    good, bad = driver.begun(KNOWN), driver.begun(KNOWN)
    driver.fails(KNOWN, 5)
    driver.clock.passes(10)
    good.first_byte(10)
    good.ended(None)
    bad.ended(BAD)
    assert driver.health.cooling(KNOWN) == 20


def test_an_overloaded_provider_that_names_a_time_gets_it() -> None:
    driver = HealthDriver()
    for _ in range(5):
        driver.tried(KNOWN, ErrorKind.OVERLOADED, retry_after=90)
    assert driver.health.cooling(KNOWN) == 90


def test_a_provider_that_cannot_be_reached_closes_all_its_models() -> None:
    driver = HealthDriver()
    other = candidate(model=2)
    driver.fails(KNOWN, 3, ErrorKind.CONNECT_TIMEOUT)
    driver.fails(other, 2, ErrorKind.CONNECT)
    assert driver.health.cooling(KNOWN) == driver.health.cooling(other) == 30
    assert "could not be reached" in driver.health.why_cooling(other)


def test_one_model_that_fails_does_not_close_its_neighbour() -> None:
    driver = HealthDriver()
    driver.fails(KNOWN, 5)
    assert driver.health.cooling(KNOWN) == 30
    assert driver.health.cooling(candidate(model=2)) is None


def test_switched_off_nothing_is_ever_held_back() -> None:
    driver = HealthDriver(enabled=False)
    known = candidate(credential(1))
    for kind in ErrorKind:
        driver.fails(known, 20, kind)
    assert driver.health.cooling(known) is None
    assert driver.health.credential(known) is not None


def test_an_edited_provider_gets_a_fresh_start() -> None:
    driver = HealthDriver()
    known = candidate(credential(1))
    driver.fails(known, 5)
    driver.fails(known, 1, ErrorKind.AUTHENTICATION)
    driver.health.reconfigure(Snapshot(providers={1: known.provider}))
    assert driver.health.cooling(known) is not None
    driver.health.reconfigure(Snapshot(providers={1: renamed(known, base_url="http://127.0.0.1:10")}))
    assert driver.health.cooling(known) is None
    assert driver.health.credential(known) is not None


def test_the_time_to_the_first_byte() -> None:
    driver = HealthDriver()
    assert driver.health.time_to_first_token(KNOWN) is None
    for hundredths in range(1, 20):
        driver.begun(KNOWN).first_byte(hundredths / 100)
    assert driver.health.first_byte_p95(KNOWN) is None
    driver.begun(KNOWN).first_byte(0.2)
    assert driver.health.first_byte_p95(KNOWN) == 0.2
    average = driver.health.time_to_first_token(KNOWN)
    assert average is not None
    assert 0.1 < average < 0.2
    driver.clock.passes(301)
    assert driver.health.time_to_first_token(KNOWN) is None


def test_how_many_are_under_way() -> None:
    driver = HealthDriver()
    trackers = [driver.begun(KNOWN) for _ in range(3)]
    assert driver.health.in_flight(KNOWN) == 3
    for tracker in trackers:
        tracker.ended(None)
        tracker.ended(None)
    assert driver.health.in_flight(KNOWN) == 0

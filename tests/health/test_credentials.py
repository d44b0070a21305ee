"""Which credential is used, which limits it keeps, and how long one is left alone."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from providers.config import CredentialConfig
from providers.errors import ErrorKind, UpstreamError
from routing.health.state import Quota
from routing.snapshot import CandidateConfig
from tests.health.driver import HealthDriver, candidate, credential

FIRST, SECOND, THIRD = credential(1), credential(2, position=1), credential(3, position=1, weight=3)
KNOWN = candidate(FIRST, SECOND, THIRD)


def used(driver: HealthDriver, known: CandidateConfig = KNOWN) -> str:
    found = driver.health.credential(known)
    return "" if found is None else found.name


def test_the_lowest_position_is_used_first() -> None:
    assert used(HealthDriver()) == "key1"


def test_a_provider_without_credentials_needs_none() -> None:
    driver = HealthDriver()
    assert driver.health.credential(candidate()) is None
    assert driver.health.cooling(candidate()) is None


def test_equals_are_used_by_weight() -> None:
    driver = HealthDriver()
    known = candidate(SECOND, THIRD)
    seen: Counter[str] = Counter()
    for number in range(400):
        found = driver.health.credential(known, session=f"session {number}")
        assert found is not None
        seen[found.name] += 1
    assert 250 < seen["key3"] < 350
    assert sum(seen.values()) == 400


def test_a_session_keeps_its_credential() -> None:
    driver, other = HealthDriver(), HealthDriver()
    known = candidate(credential(1), credential(2), credential(3))
    assert len({str(each.health.credential(known, session="one")) for each in (driver, other) for _ in range(5)}) == 1


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [(ErrorKind.AUTHENTICATION, 60), (ErrorKind.BILLING, 600), (ErrorKind.PERMISSION, 60), (ErrorKind.RATE_LIMIT, 5)],
)
def test_the_next_credential_takes_over(kind: ErrorKind, seconds: float) -> None:
    driver = HealthDriver()
    known = candidate(FIRST, SECOND)
    driver.tried(known, kind)
    assert used(driver, known) == "key2"
    assert driver.health.cooling(known) is None
    driver.tried(known, kind)
    assert used(driver, known) == ""
    assert driver.health.cooling(known) == seconds
    driver.clock.passes(seconds)
    assert used(driver, known) == "key1"


def test_a_rejected_credential_is_rejected_for_every_model() -> None:
    driver = HealthDriver()
    driver.tried(candidate(FIRST), ErrorKind.AUTHENTICATION)
    assert driver.health.cooling(candidate(FIRST, model=2)) == 60
    assert "rejected its credential key1" in driver.health.why_cooling(candidate(FIRST))


@pytest.mark.parametrize("kind", [ErrorKind.RATE_LIMIT, ErrorKind.PERMISSION])
def test_limits_and_rights_are_of_one_model(kind: ErrorKind) -> None:
    driver = HealthDriver()
    driver.fails(candidate(FIRST), 3, kind)
    assert driver.health.cooling(candidate(FIRST)) is not None
    assert driver.health.cooling(candidate(FIRST, model=2)) is None


def test_one_forbidden_prompt_does_not_close_the_only_credential() -> None:
    driver = HealthDriver()
    known = candidate(FIRST)
    driver.fails(known, 2, ErrorKind.PERMISSION)
    driver.tried(known)
    driver.fails(known, 2, ErrorKind.PERMISSION)
    assert driver.health.cooling(known) is None
    driver.fails(known, 1, ErrorKind.PERMISSION)
    assert driver.health.cooling(known) == 60


def test_a_rate_limit_lasts_as_long_as_the_provider_says() -> None:
    driver = HealthDriver()
    known = candidate(FIRST)
    driver.tried(known, ErrorKind.RATE_LIMIT, retry_after=17)
    assert driver.health.cooling(known) == 17
    driver.clock.passes(17)
    assert driver.health.cooling(known) is None
    assert [driver.begun(known) for _ in range(3)]
    assert driver.health.cooling(known) is None


def test_a_rate_limit_without_a_time_lasts_longer_each_time() -> None:
    driver = HealthDriver()
    known = candidate(FIRST)
    waits = []
    for _ in range(4):
        trackers = [driver.begun(known) for _ in range(10)]
        for tracker in trackers:
            tracker.ended(UpstreamError(ErrorKind.RATE_LIMIT, "slow down"))
        waits.append(driver.health.cooling(known))
        driver.clock.passes(waits[-1] or 0)
    assert waits == [5, 10, 20, 40]
    driver.tried(known)
    driver.tried(known, ErrorKind.RATE_LIMIT)
    assert driver.health.cooling(known) == 5


def test_late_answers_to_a_rate_limit_do_not_lengthen_it_unless_they_name_a_later_time() -> None:
    driver = HealthDriver()
    known = candidate(FIRST)
    trackers = [driver.begun(known) for _ in range(4)]
    waits = []
    for tracker, retry_after in zip(trackers, (None, None, 1.0, 9.0), strict=True):
        tracker.ended(UpstreamError(ErrorKind.RATE_LIMIT, "slow down", retry_after=retry_after))
        driver.clock.passes(1)
        waits.append(driver.health.cooling(known))
    assert waits == [4, 3, 2, 8]


def test_a_rate_limit_where_there_is_no_credential_is_the_candidates() -> None:
    driver = HealthDriver()
    driver.tried(candidate(), ErrorKind.RATE_LIMIT)
    assert driver.health.cooling(candidate()) == 5


def test_a_rejected_credential_is_probed_by_one() -> None:
    driver = HealthDriver()
    known = candidate(FIRST)
    driver.tried(known, ErrorKind.AUTHENTICATION)
    driver.clock.passes(60)
    probe = driver.begun(known)
    assert driver.health.cooling(known) is not None
    probe.ended(UpstreamError(ErrorKind.AUTHENTICATION, "still not"))
    assert driver.health.cooling(known) == 120


def limited(**limits: int) -> tuple[HealthDriver, CandidateConfig, CredentialConfig]:
    one = credential(1, **limits)
    return HealthDriver(), candidate(one), one


def test_requests_per_minute() -> None:
    driver, known, _ = limited(requests_per_minute=3)
    for _ in range(3):
        assert driver.health.cooling(known) is None
        driver.tried(known)
        driver.clock.passes(10)
    assert driver.health.cooling(known) == 30
    assert "has reached its own limits" in driver.health.why_cooling(known)
    driver.clock.passes(30)
    assert driver.health.cooling(known) is None


def test_tokens_per_minute_are_estimated_first_and_known_later() -> None:
    driver, known, one = limited(tokens_per_minute=1000)
    tracker = driver.health.begin(known, one, tokens=900)
    assert driver.health.cooling(known) is None
    tracker.ended(None, tokens=1200)
    assert driver.health.cooling(known) == 60
    driver.clock.passes(60)
    assert driver.health.cooling(known) is None
    tracker = driver.health.begin(known, one, tokens=5000)
    assert driver.health.cooling(known) == 60
    tracker.ended(None, tokens=10)
    assert driver.health.cooling(known) is None


def test_requests_at_the_same_time() -> None:
    driver, known, one = limited(concurrent=2)
    trackers = [driver.health.begin(known, one) for _ in range(2)]
    assert driver.health.cooling(known) is not None
    trackers[0].ended(None)
    assert driver.health.cooling(known) is None


def test_the_next_credential_serves_what_the_first_may_not() -> None:
    driver = HealthDriver()
    known = candidate(credential(1, concurrent=1), SECOND)
    tracker = driver.begun(known)
    assert used(driver, known) == "key2"
    tracker.ended(None)
    assert used(driver, known) == "key1"


def test_what_was_never_sent_is_not_counted() -> None:
    async def check() -> None:
        driver, known, one = limited(requests_per_minute=3)
        driver.fails(candidate(one), 1)
        tracker = driver.health.begin(known, one, tokens=10)
        for _ in range(5):
            driver.health.circuit("candidate:1:1").record_failure(driver.clock(), "server")
        late = driver.health.begin(known, one)
        with pytest.raises(UpstreamError):
            await late.may_connect(only=False)
        late.ended(None)
        tracker.ended(None, counted=False)
        driver.health.circuit("candidate:1:1").reset(driver.clock())
        assert driver.health.cooling(known) is None

    asyncio.run(check())


def test_what_was_never_sent_uses_no_tokens_even_when_it_ends_with_some() -> None:
    limits, quota = credential(1, tokens_per_minute=100), Quota()
    usage = quota.begin(limits, 0.0, 60)
    quota.withdraw(usage)
    quota.end(usage, 500, 1.0)
    assert quota.wait(limits, 1.0) is None
    assert quota.in_flight == 0


def test_without_a_usable_credential_nothing_is_sent() -> None:
    async def check() -> None:
        driver = HealthDriver()
        driver.tried(candidate(FIRST), ErrorKind.AUTHENTICATION)
        tracker = driver.begun(candidate(FIRST))
        with pytest.raises(UpstreamError) as caught:
            await tracker.may_connect(only=True)
        assert caught.value.retryable
        tracker.ended(caught.value)

    asyncio.run(check())

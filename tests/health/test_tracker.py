"""At most five requests pay for a server that does not answer, however many start at once."""

from __future__ import annotations

import asyncio

import pytest

from providers.errors import ErrorKind, UpstreamError
from routing.health import tracker as tracker_module
from tests.harness.patience import PATIENCE
from tests.health.driver import HealthDriver, candidate

KNOWN = candidate(connect=60)
LATE = UpstreamError(ErrorKind.CONNECT_TIMEOUT, "late")


async def _start(
    driver: HealthDriver, number: int, *, only: bool = False
) -> tuple[list[str], list[asyncio.Task[None]]]:
    """So many attempts at once; each tells whether it may connect, and those that may then hang."""
    outcomes: list[str] = []

    async def attempt() -> None:
        tracker = driver.begun(KNOWN)
        try:
            await tracker.may_connect(only)
            outcomes.append("connects")
            await asyncio.Event().wait()
        except UpstreamError as error:
            outcomes.append(error.kind.value if error.retryable else "final")
            tracker.ended(error)
        finally:
            tracker.ended(LATE)

    tasks = [asyncio.create_task(attempt()) for _ in range(number)]
    await asyncio.sleep(0)
    return outcomes, tasks


async def _report(outcomes: list[str], count: int) -> None:
    """Wait for the outcomes of so many attempts."""
    async with asyncio.timeout(PATIENCE):
        while len(outcomes) < count:
            await asyncio.sleep(0.005)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_the_sixth_goes_to_the_next_candidate_soon() -> None:
    async def check() -> None:
        driver = HealthDriver()
        outcomes, tasks = await _start(driver, 50)
        assert outcomes == ["connects"] * 5
        # Those who have an alternative wait far less long than for a connection, which may take a minute here.
        await _report(outcomes, 50)
        assert outcomes.count("connects") == 5
        assert outcomes.count("connect_timeout") == 45
        await _end(tasks)
        # Those five failed, so that nobody else pays.
        assert driver.health.cooling(KNOWN) == 30

    asyncio.run(check())


def test_what_was_never_sent_is_no_failure() -> None:
    async def check() -> None:
        driver = HealthDriver()
        outcomes, tasks = await _start(driver, 50)
        await _report(outcomes, 50)
        assert driver.health.cooling(KNOWN) is None
        await _end(tasks)

    asyncio.run(check())


def test_one_connection_is_a_sign_of_life_for_all_who_wait() -> None:
    async def check() -> None:
        driver = HealthDriver()
        trackers = [driver.begun(KNOWN) for _ in range(5)]
        for tracker in trackers:
            await tracker.may_connect(only=False)
        outcomes, tasks = await _start(driver, 20)
        assert outcomes == []
        trackers[0].connected()
        await _report(outcomes, 20)
        assert outcomes == ["connects"] * 20
        await _end(tasks)

    asyncio.run(check())


def test_the_only_candidate_is_waited_for() -> None:
    async def check() -> None:
        driver = HealthDriver()
        trackers = [driver.begun(KNOWN) for _ in range(5)]
        for tracker in trackers:
            await tracker.may_connect(only=True)
        outcomes, tasks = await _start(driver, 3, only=True)
        await asyncio.sleep(2 * tracker_module.PATIENCE)
        assert outcomes == []
        for tracker in trackers:
            tracker.ended(LATE)
        await _report(outcomes, 3)
        assert outcomes == ["overloaded"] * 3
        await _end(tasks)

    asyncio.run(check())


def test_failures_count_as_if_they_still_waited() -> None:
    async def check() -> None:
        driver = HealthDriver()
        driver.fails(KNOWN, 3, ErrorKind.CONNECT_TIMEOUT)
        outcomes, tasks = await _start(driver, 10)
        assert outcomes == ["connects"] * 2
        await _end(tasks)

    asyncio.run(check())


def test_a_client_that_leaves_makes_room() -> None:
    async def check() -> None:
        driver = HealthDriver()
        trackers = [driver.begun(KNOWN) for _ in range(5)]
        for tracker in trackers:
            await tracker.may_connect(only=False)
        outcomes, tasks = await _start(driver, 1)
        trackers[0].ended(None, counted=False)
        await _report(outcomes, 1)
        assert outcomes == ["connects"]
        await _end(tasks)

    asyncio.run(check())


def test_a_dead_server_gets_one_probe_at_a_time() -> None:
    async def check() -> None:
        driver = HealthDriver()
        driver.fails(KNOWN, 5, ErrorKind.CONNECT_TIMEOUT)
        driver.clock.passes(30)
        outcomes, tasks = await _start(driver, 10)
        await _report(outcomes, 10)
        assert sorted(outcomes) == ["connects"] + ["overloaded"] * 9
        await _end(tasks)
        assert driver.health.cooling(KNOWN) == 60

    asyncio.run(check())


def test_a_probe_that_connects_lets_those_in_who_have_nowhere_else_to_go() -> None:
    async def check() -> None:
        driver = HealthDriver()
        driver.fails(KNOWN, 5, ErrorKind.CONNECT_TIMEOUT)
        driver.clock.passes(30)
        probe = driver.begun(KNOWN)
        await probe.may_connect(only=True)
        outcomes, tasks = await _start(driver, 3, only=True)
        await asyncio.sleep(0.05)
        assert outcomes == []
        probe.connected()
        await _report(outcomes, 3)
        assert outcomes == ["connects"] * 3
        await _end(tasks)

    asyncio.run(check())


def test_an_open_circuit_rejects_at_once() -> None:
    async def check() -> None:
        driver, known = HealthDriver(), candidate(connect=2)
        tracker = driver.begun(known)
        driver.fails(known, 5)
        late = driver.begun(known)
        await tracker.may_connect(only=True)
        with pytest.raises(UpstreamError) as caught:
            await late.may_connect(only=True)
        assert caught.value.retry_after == 30
        tracker.ended(None)
        late.ended(caught.value)

    asyncio.run(check())

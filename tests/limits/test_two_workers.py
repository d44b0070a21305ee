"""Limits of a server with two workers: they hold once for both."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.harness.call import message
from tests.harness.configure import Key, Standing
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream
from tests.limits.test_live import FRESH, WRITTEN, Asking, limited
from tests.limits.test_live import held as held


@pytest.fixture(scope="module")
def two_workers(live_database: None, standing: Standing) -> Iterator[Gateway]:
    """A gateway of two processes, which count in one file."""
    running = Gateway("two-workers", workers=2)
    yield running.start()
    running.stop()


def known_everywhere(asking: Asking, key: Key) -> None:
    """Waits until no worker answers any more that has not loaded the key."""

    def listed(_: int) -> bool:
        return asking.client(key).get("/v1/models").status == 200

    with ThreadPoolExecutor(8) as threads:
        until(lambda: all(threads.map(listed, range(24))), lambda: "a worker does not know the key")


def test_workers_count_together(two_workers: Gateway, standing: Standing, upstream: Upstream, orm: Rows) -> None:
    """https://github.com/BerriAI/litellm/issues/40291, 10555 and 6938: a limit is not multiplied by workers."""
    asking = Asking(two_workers, standing, upstream)
    key = limited(asking, ("requests", "day", 10), ("input_tokens", "day", 100_000))
    known_everywhere(asking, key)
    # Each request has a connection of its own, which either worker may take.
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: asking.ask(key).status, range(30)))
    assert sorted(answers) == [200] * 10 + [429] * 20
    until(
        lambda: asking.used(key, "input_tokens day of key") == 10 * (FRESH + WRITTEN), lambda: str(asking.limits(key))
    )


def test_requests_at_the_same_time_are_counted_over_workers(
    two_workers: Gateway, standing: Standing, upstream: Upstream, held: tuple[Reply, Gate], orm: Rows
) -> None:
    asking = Asking(two_workers, standing, upstream)
    key = limited(asking, ("streams", "once", 3))
    known_everywhere(asking, key)
    reply, gate = held
    script = upstream.script(*[reply] * 3)

    def stream(_: int) -> int:
        return asking.client(key).post(message(asking.route, script.prompt)).status

    with ThreadPoolExecutor(8) as threads:
        running = [threads.submit(stream, number) for number in range(3)]
        until(lambda: asking.used(key, "streams once of key") == 3, lambda: str(asking.limits(key)))
        assert list(threads.map(lambda _: asking.ask(key).status, range(8))) == [429] * 8
        gate.open()
        assert [one.result() for one in running] == [200] * 3
    until(lambda: asking.used(key, "streams once of key") == 0, lambda: str(asking.limits(key)))
    assert asking.ask(key).status == 200

"""With REDIS_URL the samples of the live view are in Redis, and while that is away in the database: nobody sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.allowances.redis_server import RedisServer
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream
from tests.live.watching import cookies_of, id_of, watching
from usage.live.models import LiveSample

AWAY, BACK = "the live view uses the database: Redis fails", "the live view uses Redis again"


@pytest.fixture(scope="module")
def with_redis(live_database: None, standing: Standing, server: RedisServer) -> Iterator[Gateway]:
    running = Gateway("live-redis", workers=2, env={"REDIS_URL": server.url})
    try:
        yield running.start()
    finally:
        running.stop()


def test_streams_are_seen_through_redis_and_without_it(
    with_redis: Gateway,
    server: RedisServer,
    upstream: Upstream,
    standing: Standing,
    orm: Rows,
    person: Callable[..., User],
) -> None:
    gate = Gate()
    script = upstream.script(Reply([speak.opening("openai_chat", "so far"), gate, *speak.chat_answer("rest").steps]))
    body = message(standing.routes["openai_chat"].name, script.prompt)
    own = Path(f"/proc/{with_redis.pid}/task/{with_redis.pid}/children").read_text().split()

    def rows() -> set[str]:
        """The workers that say something in the database, of this gateway alone: others look at the same one."""
        found = LiveSample.objects.values_list("worker", flat=True)
        return {worker for worker in found if worker.split(":")[1] in own}

    with ExitStack() as stack:
        stack.callback(gate.open)
        eyes = stack.enter_context(watching(with_redis.base_url, cookies_of(person(is_superuser=True))))

        def begin() -> Any:
            stream = stack.enter_context(Client(with_redis.base_url, standing.key.secret).reading(body))
            stream.until(b"so far")
            return stream

        first = begin()
        eyes.until(lambda: id_of(first) in eyes.running and eyes.workers >= 2)
        assert rows() == set()
        since = with_redis.log_end()
        server.kill()
        with_redis.wait_logged(AWAY, since)
        second = begin()
        eyes.until(lambda: {id_of(first), id_of(second)} <= eyes.running.keys() and eyes.workers >= 2)
        assert len(rows()) == 2
        server.start()
        with_redis.wait_logged(BACK, since)
        third = begin()
        eyes.until(lambda: {id_of(one) for one in (first, second, third)} <= eyes.running.keys() and eyes.workers >= 2)
        until(lambda: rows() == set())
        gate.open()
        eyes.until(lambda: {id_of(one) for one in (first, second, third)} <= eyes.ended.keys())

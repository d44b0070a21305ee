"""Two servers of one gateway: a limit is one limit, whichever of them is asked."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from access.models import RateLimit
from tests.allowances.redis_server import RedisServer
from tests.harness import speak
from tests.harness.call import Answer, Client, message
from tests.harness.configure import Key, Standing, make_key
from tests.harness.gateway import Gateway
from tests.harness.patience import TRIES, until
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply, Step
from tests.harness.upstream import Upstream

MOST = 7
EXACTLY = [200] * 5 + [429] * 7


class Pair:
    """Two servers, of which a test asks the one or the other."""

    def __init__(self, servers: list[Gateway], standing: Standing, upstream: Upstream) -> None:
        self.servers = servers
        self.route = standing.routes["anthropic"].name
        self.upstream = upstream

    def key(self, **limit: str | int) -> Key:
        """A key with a limit of its own."""
        key = make_key()
        RateLimit.objects.create(key=key.row, **limit)
        for server in self.servers:
            server.wait_snapshot()
        return key

    def ask(self, number: int, key: Key, reply: Reply | None = None) -> Answer:
        script = self.upstream.script(reply or speak.answer("anthropic"))
        return Client(self.servers[number].base_url, key.secret).post(message(self.route, script.prompt))


@pytest.fixture(scope="module")
def shared_redis() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def servers_of(live_database: None, shared_redis: RedisServer) -> Iterator[dict[str, list[Gateway]]]:
    with ExitStack() as stack:

        def server(**env: str) -> Gateway:
            running = Gateway("pair", env={"CIRCUIT_BREAKER": "false", **env})
            stack.callback(running.stop)
            return running.start()

        first = server(WORKERS="2")
        second = server(WORKERS="2", DATA_DIR=first.environment["DATA_DIR"])
        hosts = [server(REDIS_URL=shared_redis.url) for _ in range(2)]
        yield {"one host": [first, second], "two hosts": hosts}


@pytest.fixture(params=["one host", "two hosts"])
def pair(
    request: pytest.FixtureRequest,
    orm: Rows,
    standing: Standing,
    upstream: Upstream,
    servers_of: dict[str, list[Gateway]],
) -> Pair:
    return Pair(servers_of[request.param], standing, upstream)


@pytest.fixture
def held() -> Iterator[tuple[Reply, Gate]]:
    """An answer that goes on when the gate is opened."""
    gate = Gate()
    steps: list[Step] = [speak.opening("anthropic", "Hello"), gate, speak.closing("anthropic")]
    yield Reply(steps, headers=speak.answer("anthropic").headers), gate
    gate.open()


@pytest.mark.both_databases
def test_a_limit_is_not_multiplied_by_the_servers(pair: Pair) -> None:
    """LiteLLM #40291, #10555, #6938: each instance reads its own memory, so that a limit holds once for each."""
    found: list[list[int]] = []
    # A store that a busy machine keeps from answering in time lets a request through, as below.
    while EXACTLY not in found and len(found) < TRIES:
        key = pair.key(measure="requests", per="day", most=5)
        found.append([pair.ask(number % 2, key).status for number in range(12)])
    assert found[-1] == EXACTLY, found


def test_many_at_once_share_a_limit(pair: Pair) -> None:
    """On a machine so busy that the store does not answer in time, requests are let through: then another key is tried.
    Where each server counted for itself, no try would let so few through."""
    answered = [_answered(pair)]
    while answered[-1] != MOST and len(answered) < TRIES:
        answered.append(_answered(pair))
    assert answered[-1] == MOST, answered


def _answered(pair: Pair) -> int:
    key = pair.key(measure="requests", per="day", most=MOST)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: pair.ask(number % 2, key), range(24)))
    for answer in answers:
        if answer.status != 200:
            assert f"{MOST} requests a day" in answer.error(429, "billing_error")
    return sum(answer.status == 200 for answer in answers)


def test_tokens_that_one_server_counted_refuse_at_the_other(pair: Pair) -> None:
    key = pair.key(measure="output_tokens", per="day", most=1)
    assert pair.ask(0, key).status == 200
    # What an answer used is counted a moment after its end.
    for number in (1, 0):
        until(lambda number=number: pair.ask(number, key).status == 429, "a server to refuse")  # type: ignore[misc]


def test_requests_at_the_same_time_are_counted_over_both(pair: Pair, held: tuple[Reply, Gate]) -> None:
    key = pair.key(measure="streams", per="once", most=1)
    reply, gate = held
    script = pair.upstream.script(reply)
    client = Client(pair.servers[0].base_url, key.secret)
    with client.reading(message(pair.route, script.prompt)) as reading:
        reading.until(b"Hello")
        assert pair.ask(1, key).status == 429
        gate.open()
        reading.finish()
    until(lambda: pair.ask(1, key).status == 200, "a free slot")


def test_what_a_killed_server_was_answering_does_not_count_for_ever(
    orm: Rows,
    standing: Standing,
    upstream: Upstream,
    servers_of: dict[str, list[Gateway]],
    held: tuple[Reply, Gate],
) -> None:
    stays = servers_of["one host"][0]
    killed = Gateway("killed", env={"WORKERS": "2", "DATA_DIR": stays.environment["DATA_DIR"]}).start()
    try:
        pair = Pair([killed, stays], standing, upstream)
        key = pair.key(measure="streams", per="once", most=1)
        script = upstream.script(held[0])
        with Client(killed.base_url, key.secret).reading(message(pair.route, script.prompt)) as reading:
            reading.until(b"Hello")
            assert pair.ask(1, key).status == 429
    finally:
        killed.signal(signal.SIGKILL)
        killed.wait_exit()
    until(lambda: pair.ask(1, key).status == 200, "a free slot")


def test_without_redis_requests_are_served_and_the_log_says_so(
    orm: Rows, standing: Standing, upstream: Upstream, shared_redis: RedisServer, servers_of: dict[str, list[Gateway]]
) -> None:
    pair = Pair(servers_of["two hosts"], standing, upstream)
    key = pair.key(measure="requests", per="day", most=1)
    assert [pair.ask(number, key).status for number in range(2)] == [200, 429]
    ends = [server.log_end() for server in pair.servers]
    shared_redis.kill()
    assert [pair.ask(number % 2, key).status for number in range(4)] == [200] * 4
    for server, end in zip(pair.servers, ends, strict=True):
        server.wait_logged("not counted", end)
    shared_redis.start()
    # What was counted is lost with a Redis that keeps nothing; from now on it holds again.
    assert [pair.ask(number % 2, key).status for number in range(3)] == [200, 429, 429]

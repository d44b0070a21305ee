"""Where limits are counted in Redis budgets are kept in the database all the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from access.models import RateLimit
from tests.allowances.redis_server import RedisServer
from tests.budgets.spending import Spending, answering, cents_for, cost, refused, reserved, settled
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream
from usage.money import to_pico

pytestmark = pytest.mark.both_databases

OUTPUT = 100
TOGETHER = 30


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def servers(live_database: None, upstream: Upstream, redis: RedisServer) -> Iterator[list[Gateway]]:
    """Two servers, as of two hosts."""
    with ExitStack() as stack:
        started = []
        for number in range(2):
            server = Gateway(f"redis-{number}", env={"REDIS_URL": redis.url})
            stack.callback(server.stop)
            started.append(server.start())
        yield started


def test_requests_that_come_at_once_never_bill_more_than_the_cap(
    servers: list[Gateway], redis: RedisServer, upstream: Upstream, orm: Rows
) -> None:
    spending = Spending(upstream, servers)
    made = spending.script(
        lambda prompt: spending.body(prompt, OUTPUT), lambda tokens: [answering(tokens, OUTPUT, pause=0.01)]
    )
    need = reserved(made.tokens, OUTPUT)
    amount = cents_for(3 * need)
    key = spending.key(amount)
    # Far away: both are asked for each request.
    RateLimit.objects.create(key=key.row, measure="requests", per="day", most=1_000)
    spending.ready()
    answers = spending.send_all(made.body, key, TOGETHER)
    assert all(answer.status == 200 or refused(answer) for answer in answers)
    served = sum(answer.status == 200 for answer in answers)
    assert 3 <= served == len(made.script.seen)
    spent, drawn = settled(TOGETHER, key_id=key.row.pk)
    assert (spent, drawn) == (cost(made.tokens, OUTPUT) * served, 0)
    assert spent <= to_pico(amount)
    assert redis.ask("DBSIZE") == ":2", "the count of the limit and the leases of workers, and nothing of the budget"

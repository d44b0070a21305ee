"""What only Redis must do, and what happens without it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from access.allowances import redis
from access.allowances.policy import StoreUnreadable
from access.allowances.stores import Keeper
from tests.allowances.charges import InRedis, quota, rate, slot
from tests.allowances.redis_server import RedisServer
from tests.harness.patience import SOON, TRIES, until

_AS_IT_SHIPS = redis.TIME_OUT


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    """One that the test may stop."""
    server = RedisServer()
    server.start()
    yield server
    server.kill()


@pytest.mark.usefixtures("patient")
def test_a_redis_that_does_not_answer_costs_a_tenth_of_a_second_once(
    own_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        store = InRedis(own_server.url, "gateway", lease_seconds=60.0).worker()
        await store.keep()
        assert await store.charge([slot("streams", 3), slot("more", 3)]) is None
        for _ in range(100):
            # The first calls may take longer.
            await store.used([slot("streams", 3)])
        own_server.pause()
        monkeypatch.setattr(redis, "TIME_OUT", _AS_IT_SHIPS)
        began = time.monotonic()
        with pytest.raises(StoreUnreadable, match=r"did not answer within 0\.1 s"):
            await store.charge([slot("streams", 3)])
        first = time.monotonic() - began
        for _ in range(100):
            with pytest.raises(StoreUnreadable):
                await store.charge([quota("day", 10)])
        assert time.monotonic() - began < first + 0.9
        assert 0.09 < first < 5.0
        monkeypatch.setattr(redis, "TIME_OUT", SOON)
        await store.release([slot("more", 3)])
        own_server.resume()
        await asyncio.sleep(1.1)
        # The slot of the call without an answer may have been taken; the next `keep` says what is really held.
        await store.keep()
        assert await store.used([slot("streams", 3), slot("more", 3)]) == [1.0, 0.0]
        await store.close()

    asyncio.run(scenario())


def test_no_burst_right_after_the_start_is_let_through(own_server: RedisServer) -> None:
    """A worker that has just started is slow, and so may Redis be."""

    async def let_through(gateway: str) -> int:
        store = InRedis(own_server.url, gateway).worker()
        keeper = Keeper(store)
        await keeper.start()
        own_server.pause()
        burst = asyncio.gather(*(store.charge([quota("day", 7)]) for _ in range(24)), return_exceptions=True)
        await asyncio.sleep(0.2)
        own_server.resume()
        found = await burst
        await keeper.stop()
        return sum(one is None or isinstance(one, StoreUnreadable) for one in found)

    # On a machine so busy that Redis takes still longer, requests are let through: without patience they always are.
    tries = (asyncio.run(let_through(f"gateway {number}")) for number in range(TRIES))
    assert 7 in tries


@pytest.mark.usefixtures("patient")
def test_connections_and_scripts_are_there_before_the_first_request(own_server: RedisServer) -> None:
    async def scenario() -> None:
        keeper = Keeper(InRedis(own_server.url, "gateway").worker())
        await keeper.start()
        clients = own_server.ask("INFO clients")
        # The one who asks is one of them.
        assert "connected_clients:17" in clients
        assert "evalsha" in own_server.ask("INFO commandstats")
        assert "errorstat_NOSCRIPT" not in own_server.ask("INFO errorstats")
        await keeper.stop()

    asyncio.run(scenario())


@pytest.mark.usefixtures("patient")
def test_a_call_that_is_cancelled_leaves_no_slot(own_server: RedisServer) -> None:
    async def scenario() -> None:
        store = InRedis(own_server.url, "gateway", lease_seconds=60.0).worker()
        await store.keep()
        own_server.pause()
        charging = asyncio.get_running_loop().create_task(store.charge([slot("streams", 3)]))
        await asyncio.sleep(0.02)
        charging.cancel()
        await asyncio.gather(charging, return_exceptions=True)
        own_server.resume()
        # Redis may run it after the next `keep`: then the one after that corrects it.
        async with asyncio.timeout(SOON):
            while True:
                await store.keep()
                if await store.used([slot("streams", 3)]) == [0.0]:
                    break
        await store.close()

    asyncio.run(scenario())


@pytest.mark.usefixtures("patient")
def test_a_redis_that_is_gone_is_unreadable_and_counts_again_when_it_is_back(own_server: RedisServer) -> None:
    async def scenario() -> None:
        store = InRedis(own_server.url, "gateway", lease_seconds=60.0).worker()
        assert await store.charge([quota("day", 10, 7), slot("streams", 3)]) is None
        own_server.kill()
        for call in (store.charge([quota("day", 10)]), store.correct([quota("day", 10)]), store.used([]), store.keep()):
            with pytest.raises(StoreUnreadable):
                await call
        own_server.start()
        # It knows neither the script nor what was counted; requests under way count again.
        await store.keep()
        assert await store.used([quota("day", 10), slot("streams", 3)]) == [0.0, 1.0]
        assert await store.charge([quota("day", 10)]) is None
        await store.close()

    asyncio.run(scenario())


@pytest.mark.usefixtures("patient")
def test_a_restart_between_two_calls_costs_none(own_server: RedisServer) -> None:
    async def scenario() -> None:
        store = InRedis(own_server.url, "gateway").worker()
        await asyncio.gather(*(store.charge([quota("day", 100)]) for _ in range(16)))
        own_server.kill()
        own_server.start()
        # The loop of a server hears of it at once; this one stood still.
        await asyncio.sleep(0.05)
        for _ in range(20):
            assert await store.charge([quota("day", 100)]) is None
        assert await store.used([quota("day", 100)]) == [20.0]
        await store.close()

    asyncio.run(scenario())


@pytest.mark.usefixtures("patient")
def test_gateways_with_other_prefixes_do_not_meet(redis_server: RedisServer) -> None:
    async def scenario() -> None:
        blue, red = (InRedis(redis_server.url, name).worker() for name in ("the blue one", "the red one"))
        assert await blue.charge([quota("day", 1)]) is None
        assert await red.charge([quota("day", 1)]) is None
        assert await blue.charge([quota("day", 1)]) is not None
        await blue.close()
        await red.close()

    asyncio.run(scenario())


@pytest.mark.usefixtures("patient")
def test_nothing_stays_in_redis_that_means_nothing(own_server: RedisServer) -> None:
    async def scenario() -> None:
        store = InRedis(own_server.url, "gateway", lease_seconds=2.0).worker()
        # Connected, so that all of them are there for two seconds from the charge on.
        assert await store.used([slot("c", 2)]) == [0.0]
        charges = [rate("a", 100, 20, span=10.0), quota("b", 10, until=time.time() + 2.0), slot("c", 2)]
        assert await store.charge(charges) is None
        assert own_server.ask("DBSIZE") == ":4"
        until(lambda: own_server.ask("DBSIZE") == ":0", "an empty Redis")
        await store.close()

    asyncio.run(scenario())


@pytest.mark.usefixtures("patient")
def test_many_calls_at_the_same_time_are_answered(redis_server: RedisServer) -> None:
    """More than there are connections."""

    async def scenario() -> None:
        store = InRedis(redis_server.url, "many").worker()
        answers = await asyncio.gather(*(store.charge([quota("day", 60), slot("s", 1000)]) for _ in range(100)))
        assert answers.count(None) == 60
        assert await store.used([quota("day", 60), slot("s", 1000)]) == [60.0, 60.0]
        await store.close()

    asyncio.run(scenario())

"""The gateway's own lag is not the provider's silence: while the event loop stands still, nothing is read."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

from providers.errors import ErrorKind
from routing.health import CircuitSettings, Health
from streaming.exchange.lag import LoopLag
from streaming.exchange.lifecycle import NEVER, Lifecycle, Watch
from tests.harness import speak
from tests.harness.patience import SOON
from tests.harness.script import CUT, HANG, Reply, Script, Wait
from tests.harness.upstream import Upstream
from tests.streaming.relaying import Relayed, candidate, relayed

LAG = 1.2
AFTER = LAG + 0.4
"""What the provider says so many seconds after it was asked comes a moment after the event loop goes on."""


def _answered_late(script: Script, *candidates: Any, **fields: Any) -> Relayed:
    """A request during which, once the provider has it, the event loop stands still for a while."""

    async def both() -> Relayed:
        request = asyncio.create_task(relayed(script.prompt, *candidates, **fields))
        while not (script.seen or request.done()):
            await asyncio.sleep(0.005)
        # What the provider says at once is read before that.
        await asyncio.sleep(0.1)
        time.sleep(LAG)
        return await request

    return asyncio.run(both())


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(
    ("timeouts", "reply"),
    [
        ({"first_event": 1.0}, Reply([Wait(AFTER), *speak.chat_answer("in time").steps])),
        (
            {"idle": 1.0},
            Reply([speak.opening("openai_chat", "in "), Wait(AFTER), *speak.chat_answer("time").steps]),
        ),
        (
            {"total": 1.0},
            Reply([speak.opening("openai_chat", "in "), Wait(AFTER), *speak.chat_answer("time").steps]),
        ),
    ],
    ids=["first event", "idle", "total"],
)
def test_a_time_out_does_not_run_while_the_gateway_stands_still(
    timeouts: dict[str, Any], reply: Reply, stream: bool, upstream: Upstream
) -> None:
    health = Health(CircuitSettings(failures=1))
    script = upstream.script(reply)
    chosen = candidate(upstream.base_url, **timeouts)
    answer = _answered_late(script, chosen, stream=stream, health=health)
    assert (answer.status, b"time" in answer.body, b"error" in answer.body) == (200, True, False)
    assert health.cooling(chosen) is None
    # Nor is the model remembered as slow.
    latency = health.time_to_first_token(chosen)
    assert latency is not None
    assert latency < LAG


def test_a_provider_that_really_is_silent_still_fails(upstream: Upstream) -> None:
    health = Health(CircuitSettings(failures=1))
    chosen = candidate(upstream.base_url, first_event=0.6)
    answer = _answered_late(upstream.script(Reply([HANG])), chosen, health=health)
    assert answer.status == 504
    # But not after a lag of more than a second: it may have been the cause.
    assert health.cooling(chosen) is None
    began = time.monotonic()
    answer = asyncio.run(relayed(upstream.script(Reply([HANG])).prompt, chosen, health=health))
    assert time.monotonic() - began < SOON
    assert answer.status == 504
    assert health.cooling(chosen) is not None


def test_a_connection_that_was_lost_while_the_gateway_stood_still_opens_no_circuit(upstream: Upstream) -> None:
    health = Health(CircuitSettings(failures=1))
    chosen = candidate(upstream.base_url)
    cut = Reply([speak.opening("openai_chat", "Once"), Wait(0.5), CUT])
    assert b"error" in _answered_late(upstream.script(cut), chosen, health=health).body
    assert health.cooling(chosen) is None
    asyncio.run(relayed(upstream.script(cut).prompt, chosen, health=health))
    assert health.cooling(chosen) is not None


def test_no_hedge_starts_because_the_gateway_stood_still(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Health, "first_byte_p95", lambda health, candidate: 1.0)
    script = upstream.script(
        first=[Reply([Wait(AFTER), *speak.chat_answer("in time").steps])], second=[speak.chat_answer("hedged")]
    )
    first, second = candidate(upstream.base_url, 1, "/first/v1"), candidate(upstream.base_url, 2, "/second/v1")
    answer = _answered_late(script, first, second, hedges=True)
    assert b"in time" in answer.body
    assert [seen.path for seen in script.seen] == ["/first/v1/chat/completions"]


def test_the_deadline_of_a_route_is_the_clients_and_stays(upstream: Upstream) -> None:
    script = upstream.script(Reply([HANG]))
    began = time.monotonic()
    answer = _answered_late(script, candidate(upstream.base_url), deadline=0.5)
    assert answer.status == 504
    assert time.monotonic() - began < SOON


def test_a_watch_gets_the_lag_back() -> None:
    watch = Watch()
    watch.begin(100.0, connect=1.0, idle=2.0, total=10.0, deadline=115.0)
    watch.forgive(3.0)
    assert (watch.due, watch.total_due) == (104.0, 113.0)
    watch.forgive(3.0)
    # The request's own deadline comes first now, and is not moved.
    assert (watch.total_due, watch.expired(115.0)) == (115.0, ErrorKind.DEADLINE)
    watch.forgive(3.0)
    assert watch.total_due == 115.0
    assert watch.excuses(ErrorKind.CONNECTION_LOST)
    assert not watch.excuses(ErrorKind.SERVER)
    watch.end()
    watch.forgive(3.0)
    assert (watch.due, watch.total_due) == (NEVER, NEVER)


def test_the_lag_is_what_a_timer_is_late() -> None:
    lag = LoopLag()
    assert lag.measure(50.0) == 0.0
    lag.expect(100.0)
    assert lag.until(100.01) == 0.0
    assert lag.until(103.0) == 3.0
    assert lag.measure(104.0) == 4.0
    lag.expect(104.1)
    assert lag.measure(104.11) == 0.0
    assert lag.until(200.0) == 4.0


def test_what_stood_still_before_the_look_was_due_is_given_back_too() -> None:
    task: Any = SimpleNamespace(get_loop=lambda: SimpleNamespace(time=lambda: 100.0))
    lifecycle, watch = Lifecycle(task), Watch()
    lifecycle.watches.append(watch)
    watch.begin(100.0, connect=1.0, idle=30.0, total=60.0)
    # Until events come, and where they no longer come, it is looked at closely.
    assert lifecycle.tick(100.5) == 100.5
    watch.touch(101.0)
    assert lifecycle.tick(101.5) == 131.0
    assert lifecycle.tick(102.5) == 102.5
    watch.touch(103.0)
    lifecycle.tick(105.0, 0.5, 1.5)
    # The loop may have stood still for 1.5 seconds, and is known to have run 2.0 ago.
    assert (watch.due, watch.total_due) == (134.5, 161.5)
    watch.touch(106.0)
    lifecycle.tick(107.0, 0.5, 1.5)
    assert (watch.due, watch.total_due) == (137.0, 162.5)
    watch.pause()
    assert lifecycle.tick(108.0, 0.5, 1.5) == 138.0
    assert watch.total_due == 163.0

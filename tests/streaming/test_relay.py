"""The relay in process: who writes what of an exchange, who observes it, and what is left of it in memory."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any, cast

import pytest

from routing.health import CircuitSettings, Health
from streaming.attempts.attempt import Attempt
from streaming.encoding.encoder import Encoder
from streaming.exchange.answer import Answer
from streaming.exchange.client import Client
from streaming.exchange.exchange import Exchange
from streaming.exchange.lifecycle import Lifecycle
from streaming.exchange.load import Share
from streaming.exchange.request import Body, Request
from streaming.outcome import observers
from tests.harness import speak
from tests.harness.script import HANG, Gate, Reply, Script, Step
from tests.harness.upstream import Upstream
from tests.streaming.relaying import candidate, relayed
from usage.journal.account import Account

pytestmark = pytest.mark.usefixtures("each_transport")

OWNED = (Account, Answer, Attempt, Body, Client, Encoder, Exchange, Lifecycle, Request)


@pytest.fixture
def observed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What observers that are added to the shipped ones are called with."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        observers,
        "ATTEMPT_OBSERVERS",
        (
            *observers.ATTEMPT_OBSERVERS,
            lambda exchange, attempt, error: calls.append((attempt.number, attempt.outcome, error and error.kind)),
        ),
    )
    monkeypatch.setattr(
        observers,
        "REQUEST_OBSERVERS",
        (*observers.REQUEST_OBSERVERS, lambda exchange: calls.append(("request", exchange.account.request.outcome))),
    )
    return calls


@pytest.mark.parametrize("depth", [900, 20_000])
@pytest.mark.parametrize(("last", "kind"), [(b"\n\n", "malformed"), (HANG, "idle_timeout")], ids=["whole", "cut"])
def test_json_that_is_nested_too_deeply_is_the_providers_failure(
    last: Step, kind: str, depth: int, upstream: Upstream
) -> None:
    deep = b'data: {"error":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
    script = upstream.script(Reply([speak.opening("openai_chat", "Once"), deep, last]))
    answer = asyncio.run(relayed(script.prompt, candidate(upstream.base_url, idle=1.0)))
    assert b"went wrong in the gateway" not in answer.body
    assert answer.exchange.account.attempts[0].error_type == kind


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_observers_are_called_once_an_attempt_and_once_a_request(
    stream: bool, upstream: Upstream, observed: list[tuple[Any, ...]]
) -> None:
    script = upstream.script(
        bad=[speak.refusal("openai_chat", 500, "broken")], good=[speak.chat_answer("from the second")]
    )
    bad, good = candidate(upstream.base_url, 1, "/bad/v1"), candidate(upstream.base_url, 2, "/good/v1")
    answer = asyncio.run(relayed(script.prompt, bad, good, stream=stream))
    assert (answer.status, b"from the second" in answer.body) == (200, True)
    assert observed == [(1, "failed", "server"), (2, "completed", None), ("request", "completed")]


def test_an_attempt_that_ends_in_an_unforeseen_failure_is_accounted_for(
    upstream: Upstream, observed: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*events: object) -> bytes:
        raise RuntimeError

    monkeypatch.setattr(Encoder, "feed", broken)
    answer = asyncio.run(relayed(upstream.script(speak.chat_answer()).prompt, candidate(upstream.base_url)))
    assert answer.status == 500
    assert observed == [(1, "failed", None), ("request", "failed")]


def test_the_account_is_complete_when_the_observers_of_a_request_are_called(upstream: Upstream) -> None:
    script = upstream.script(
        bad=[speak.refusal("openai_chat", 429, "slow down", headers={"retry-after": "7"})],
        worse=[speak.refusal("openai_chat", 401, "who are you", code="bad key")],
    )
    bad, worse = candidate(upstream.base_url, 1, "/bad/v1"), candidate(upstream.base_url, 2, "/worse/v1")
    answer = asyncio.run(relayed(script.prompt, bad, worse))
    account = answer.exchange.account
    row, (first, second) = account.request, account.attempts
    # What the client got is the first one's, which is worth sending again.
    assert (answer.status, answer.headers[b"retry-after"]) == (429, b"7")
    assert (row.outcome, row.http_status, row.error_type, row.error_code) == (
        "failed", 429, "rate_limit_error", "rate_limit",
    )  # fmt: skip
    assert (row.provider_name, row.model_name, row.attempts) == ("provider1", "model1", 2)
    assert (first.http_status, first.error_type) == (429, "rate_limit")
    assert (second.http_status, second.error_type, second.error_code) == (401, "authentication", "bad_key")


@pytest.mark.parametrize(
    ("first_event", "deadline", "blamed"), [(60, 0.3, False), (0.3, 60, True)], ids=["the route's", "the provider's"]
)
def test_a_provider_is_blamed_for_its_own_deadline_alone(
    first_event: float, deadline: float, blamed: bool, upstream: Upstream
) -> None:
    script = upstream.script(Reply([HANG]))
    health = Health(CircuitSettings(failures=1))
    silent = candidate(upstream.base_url, first_event=first_event)
    assert asyncio.run(relayed(script.prompt, silent, health=health, deadline=deadline)).status == 504
    assert (health.cooling(silent) is not None) is blamed


def test_a_client_that_leaves_with_its_complete_answer_has_not_left_early(upstream: Upstream) -> None:
    # The provider does not close its stream, so the request goes on for a moment after the client has left.
    script = upstream.script(Reply([*speak.chat_answer("done").steps, HANG]))
    account = asyncio.run(relayed(script.prompt, candidate(upstream.base_url))).exchange.account
    assert [each.outcome for each in (account.request, *account.attempts)] == ["completed", "completed"]


def test_a_provider_that_would_go_on_after_a_stop_sequence_is_left_at_once(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What follows any other end is read, so that the connection can be used again.
    monkeypatch.setattr("providers.outbound.response._DRAIN", 30.0)
    text = b'data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"One. STOP"}\n\n'
    script = upstream.script(Reply([text, HANG]))
    responses = candidate(upstream.base_url, dialect="openai_responses")
    began = time.monotonic()
    answer = asyncio.run(relayed(script.prompt, responses, stream=False, stops=["STOP"]))
    assert b'"stop_sequence":"STOP"' in answer.body
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("kind", ["answered", "refused", "failed over"])
def test_a_request_leaves_no_cycle_for_the_garbage_collector(
    kind: str, stream: bool, upstream: Upstream, garbage: list[Any]
) -> None:
    replies = {
        "answered": [speak.chat_answer("done")],
        "refused": [speak.refusal("openai_chat", 400, "no")],
        "failed over": [speak.refusal("openai_chat", 500, "broken"), speak.chat_answer("done")],
    }
    candidates = [candidate(upstream.base_url, number) for number in (1, 2)]

    async def main() -> int:
        answer = await relayed(upstream.script(*replies[kind]).prompt, *candidates, stream=stream)
        status = answer.status
        del answer
        # The watcher's task ends, and with it what it holds.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gc.collect()
        garbage.extend(type(each) for each in gc.garbage if type(each) in OWNED)
        return status

    assert asyncio.run(main()) == (400 if kind == "refused" else 200)
    assert garbage == []


def test_a_stream_releases_its_request_with_the_first_content(upstream: Upstream) -> None:
    bodies: list[Any] = []
    original = Answer.note_written
    gates: list[Gate] = []

    def slowly() -> Script:
        """Each part is sent once the one before was written."""
        gates[:] = Gate(), Gate()
        parts: list[Step] = [speak.opening("openai_chat", "Once "), gates[0], speak.more("openai_chat", "upon ")]
        return upstream.script(Reply([*parts, gates[1], speak.closing("openai_chat")]))

    def watched(content: dict[str, Any], share: Share) -> Body:
        bodies.append(Body(content, share))
        return cast(Body, bodies[-1])

    def note_written(self: Answer, now: float) -> None:
        bodies.append(bodies[0].content)
        original(self, now)
        gates.pop(0).open()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streaming.endpoints.messages.Body", watched)
        patch.setattr(Answer, "note_written", note_written)
        asyncio.run(relayed(slowly().prompt, candidate(upstream.base_url)))
        assert bodies[1:]
        assert bodies[-1] is None
        bodies.clear()
        asyncio.run(relayed(slowly().prompt, candidate(upstream.base_url), continues=True))
        # A route that continues may have to send it again.
        assert bodies[-1] is not None

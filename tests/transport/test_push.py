"""Parts of a stream that go on without waking the request: the same answer, whatever comes in between."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from providers.errors import ErrorKind
from providers.framing.sse import EventTooLong
from providers.outbound.wire.connection import Connection
from streaming.attempts.push import Push
from streaming.encoding.encoder import Encoder
from streaming.exchange.answer import Answer
from tests.harness import speak
from tests.harness.script import CUT, HANG, Gate, Reply, Script, Step
from tests.harness.upstream import Upstream
from tests.streaming.relaying import Relayed, candidate, relayed

WORDS = ["Once ", "upon ", "a ", "time."]


@pytest.fixture(autouse=True)
def _wire(settings: Any) -> None:
    settings.UPSTREAM_TRANSPORT = "wire"


@pytest.fixture
def gates(monkeypatch: pytest.MonkeyPatch) -> list[Gate]:
    """They open one by one, as soon as what came before was written."""
    gates: list[Gate] = []
    original = Answer.note_written

    def note_written(self: Answer, now: float) -> None:
        original(self, now)
        if gates:
            gates.pop(0).open()

    monkeypatch.setattr(Answer, "note_written", note_written)
    return gates


def slowly(upstream: Upstream, gates: list[Gate], *end: Step) -> Script:
    """An answer whose words come in reads of their own."""
    gates[:] = [Gate() for _ in WORDS]
    parts: list[Step] = [speak.opening("openai_chat", WORDS[0])]
    for gate, word in zip(gates, WORDS[1:], strict=False):
        parts += [gate, speak.more("openai_chat", word)]
    return upstream.script(Reply([*parts, gates[-1], *(end or [speak.closing("openai_chat")])]))


def outcomes(answer: Relayed) -> list[str]:
    account = answer.exchange.account
    return [each.outcome for each in (account.request, *account.attempts)]


def stripped(body: bytes) -> bytes:
    """A stream without what differs from one request to the next."""
    return body[body.index(b"event: content_block_start") :]


@pytest.mark.parametrize("taken", [0, 1, 2, 3])
def test_a_pushed_answer_is_the_answer(taken: int, upstream: Upstream, gates: list[Gate]) -> None:
    whole = asyncio.run(relayed(slowly(upstream, gates).prompt, candidate(upstream.base_url)))
    pushed: list[bytes] = []

    def takes(data: bytes) -> bool:
        # From then on the client does not read for a moment.
        return len(pushed) < taken

    script = slowly(upstream, gates)
    answer = asyncio.run(relayed(script.prompt, candidate(upstream.base_url), pushed=pushed, takes=takes))
    assert stripped(answer.body) == stripped(whole.body)
    assert outcomes(answer) == ["completed", "completed"]
    assert len(pushed) == taken
    assert [word in data for word, data in zip(map(str.encode, WORDS[1:]), pushed, strict=False)] == [True] * taken


def test_what_a_slow_client_did_not_take_comes_before_what_follows(upstream: Upstream, gates: list[Gate]) -> None:
    pushed: list[bytes] = []

    def takes(data: bytes) -> bool:
        return b"upon " not in data

    answer = asyncio.run(
        relayed(slowly(upstream, gates).prompt, candidate(upstream.base_url), pushed=pushed, takes=takes)
    )
    assert [answer.body.index(word.encode()) for word in WORDS] == sorted(
        answer.body.index(word.encode()) for word in WORDS
    )
    assert len(pushed) == 2


@pytest.mark.parametrize(
    ("end", "error_type", "kind"),
    [(CUT, b"api_error", "connection_lost"), (HANG, b"timeout_error", "idle_timeout")],
    ids=["cut off", "silent"],
)
def test_a_pushed_answer_that_breaks_off_fails(
    end: Step, error_type: bytes, kind: str, upstream: Upstream, gates: list[Gate]
) -> None:
    pushed: list[bytes] = []
    script = slowly(upstream, gates, end)
    answer = asyncio.run(relayed(script.prompt, candidate(upstream.base_url, idle=1.0), pushed=pushed))
    assert len(pushed) == 3
    assert b"event: error" in answer.body
    assert error_type in answer.body
    assert outcomes(answer) == ["failed", "failed"]
    assert answer.exchange.account.attempts[0].error_type == kind


def test_a_pushed_answer_is_continued(upstream: Upstream, gates: list[Gate]) -> None:
    gates[:] = [Gate()]
    script = upstream.script(
        bad=[Reply([speak.opening("openai_chat", "Once "), gates[0], speak.more("openai_chat", "upon "), CUT])],
        good=[speak.chat_answer("a time.")],
    )
    pushed: list[bytes] = []
    bad, good = candidate(upstream.base_url, 1, "/bad/v1"), candidate(upstream.base_url, 2, "/good/v1")
    answer = asyncio.run(relayed(script.prompt, bad, good, pushed=pushed, continues=True))
    assert pushed
    assert outcomes(answer) == ["completed", "failed", "completed"]
    assert answer.body.index(b"upon ") < answer.body.index(b"a time.")


@pytest.mark.parametrize(
    ("error", "kind"),
    [(RuntimeError(), None), (EventTooLong("an event"), "malformed"), (RecursionError(), "malformed")],
    ids=["unforeseen", "too long", "too deep"],
)
def test_what_is_raised_in_a_push_is_raised_in_the_request(
    error: Exception, kind: str | None, upstream: Upstream, gates: list[Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    original, fed = Encoder.feed, [0]

    def feed(self: Encoder, events: Any) -> bytes:
        fed[0] += 1
        if fed[0] == 3:
            raise error.with_traceback(None)
        return original(self, events)

    monkeypatch.setattr(Encoder, "feed", feed)
    pushed: list[bytes] = []
    script = slowly(upstream, gates)
    answer = asyncio.run(relayed(script.prompt, candidate(upstream.base_url), pushed=pushed))
    assert len(pushed) == 1
    assert outcomes(answer) == ["failed", "failed"]
    assert b"event: error" in answer.body
    assert (answer.exchange.account.attempts[0].error_type or None) == (kind and ErrorKind(kind).value)


@pytest.mark.parametrize("breaks", [False, True])
def test_a_push_leaves_no_cycle_for_the_garbage_collector(
    breaks: bool, upstream: Upstream, gates: list[Gate], garbage: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if breaks:
        original, fed = Encoder.feed, [0]

        def feed(self: Encoder, events: Any) -> bytes:
            fed[0] += 1
            if fed[0] == 3:
                raise EventTooLong("an event")
            return original(self, events)

        monkeypatch.setattr(Encoder, "feed", feed)

    async def main() -> None:
        await relayed(slowly(upstream, gates).prompt, candidate(upstream.base_url), pushed=[])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gc.collect()
        garbage.extend(type(each) for each in gc.garbage if type(each) in (Push, Connection, Answer, Encoder))

    asyncio.run(main())
    assert garbage == []

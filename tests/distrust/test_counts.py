"""Counts that a provider leaves out, or that cannot be: the answer is counted here, and its row says so."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from typing import Any

import msgspec
import pytest

from providers.dialects import DIALECTS
from providers.fidelity import Fidelity
from routing.snapshot import CandidateConfig
from tests.claude.claude_stream import check_stream
from tests.distrust.answers import ABSURD, ANSWERS, TEXT, TEXT_TOKENS
from tests.harness import speak
from tests.harness.script import Reply
from tests.harness.speakers import SPEAKERS
from tests.harness.upstream import Upstream
from tests.streaming.relaying import Relayed, candidate, relayed
from usage.cost import Prices
from usage.models import Outcome

PRICES = Prices(input=3, output=5, cache_read=1, cache_write=4, id=9)
MODES = [(True, False), (False, False), (False, True)]
IDS = ["streamed", "whole", "whole-of-a-document"]


def counting(upstream: Upstream, dialect: str, window: int | None = 1000, most: int | None = 100) -> CandidateConfig:
    """A priced model of a dialect at the scripted upstream."""
    of = candidate(upstream.base_url, path=SPEAKERS[dialect].prefix, dialect=dialect)
    model = msgspec.structs.replace(of.model, prices=(PRICES,), context_window=window, max_output=most)
    return msgspec.structs.replace(of, model=model)


def asked(upstream: Upstream, of: CandidateConfig, reply: Reply, *, stream: bool) -> tuple[Relayed, dict[str, Any]]:
    """What became of a request with this answer, and the usage that the client has in the end."""
    answer = asyncio.run(relayed(upstream.script(reply).prompt, of, stream=stream))
    assert answer.status == 200, answer.body
    if not stream:
        message = json.loads(answer.body)
        assert message["content"] == [{"type": "text", "text": TEXT}]
        return answer, message["usage"]
    made = check_stream(answer.body)
    assert made.text == TEXT
    assert made.message is not None
    return answer, {**made.message["usage"], **made.usage}


def rows(answer: Relayed) -> list[Any]:
    """The records of the request and of its attempt, which say the same."""
    account = answer.exchange.account
    request, (attempt,) = account.request, account.attempts
    names = ("outcome", "input_tokens", "cache_read_tokens", "output_tokens", "estimated", "fidelity", "cost")
    assert [getattr(request, name) for name in names] == [getattr(attempt, name) for name in names]
    assert request.outcome == Outcome.COMPLETED
    return [request, attempt]


def check(answer: Relayed, usage: dict[str, Any], *, prompt: int | None, output: int | None) -> None:
    """The rows and the client have these counts; None stands for those that were estimated here."""
    (row, _) = rows(answer)
    estimate = answer.exchange.answer.encoder._input_estimate if answer.exchange.answer else 0
    prompt_known, output_known = prompt is not None, output is not None
    prompt = prompt if prompt is not None else estimate
    output = output if output is not None else TEXT_TOKENS
    assert 20 < estimate < 60
    assert (row.input_tokens, row.output_tokens) == (prompt, output)
    assert (usage["input_tokens"], usage["output_tokens"]) == (prompt, output)
    assert row.cost == 3 * prompt + 5 * output
    assert row.estimated is not (prompt_known and output_known)
    assert (Fidelity.USAGE_ESTIMATED in row.fidelity) is row.estimated


def test_every_dialect_is_tried() -> None:
    assert set(ANSWERS) == set(DIALECTS)


@pytest.mark.parametrize(("stream", "document"), MODES, ids=IDS)
@pytest.mark.parametrize("dialect", DIALECTS)
class TestEachDialect:
    def test_plausible_counts_are_the_rows(
        self, dialect: str, stream: bool, document: bool, upstream: Upstream
    ) -> None:
        # More output than there is text: reasoning is hidden. Twice the model's own limits are still believed.
        for prompt, output in ((30, 7), (1, 200), (2000, 1)):
            reply = ANSWERS[dialect](str(prompt), str(output), document)
            check(*asked(upstream, counting(upstream, dialect), reply, stream=stream), prompt=prompt, output=output)

    def test_missing_counts_are_estimated(self, dialect: str, stream: bool, document: bool, upstream: Upstream) -> None:
        for prompt, output in ((None, None), (30, None), (None, 7)):
            reported = (None if prompt is None else str(prompt), None if output is None else str(output))
            reply = ANSWERS[dialect](*reported, document)
            check(*asked(upstream, counting(upstream, dialect), reply, stream=stream), prompt=prompt, output=output)

    @pytest.mark.parametrize("wrong", ABSURD)
    def test_impossible_counts_are_missing(
        self, wrong: str, dialect: str, stream: bool, document: bool, upstream: Upstream
    ) -> None:
        for reported, prompt, output in (
            ((wrong, "7"), None, 7),
            (("30", wrong), 30, None),
            ((wrong, wrong), None, None),
        ):
            reply = ANSWERS[dialect](*reported, document)
            answer, usage = asked(upstream, counting(upstream, dialect), reply, stream=stream)
            check(answer, usage, prompt=prompt, output=output)
            for sign in (wrong, "e+308", "e308", "0000000000"):
                # Ids are random digits.
                assert len(sign) < 4 or sign.encode() not in re.sub(rb"[0-9a-f]{20,}", b"", answer.body)

    def test_just_above_the_limits(self, dialect: str, stream: bool, document: bool, upstream: Upstream) -> None:
        reply = ANSWERS[dialect]("2001", "201", document)
        check(*asked(upstream, counting(upstream, dialect), reply, stream=stream), prompt=None, output=None)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_without_limits_on_its_row_a_model_has_the_largest_there_are(dialect: str, upstream: Upstream) -> None:
    for reported, prompt in (("20000000", 20_000_000), ("20000001", None)):
        reply = ANSWERS[dialect](reported, reported, False)
        answer, usage = asked(upstream, counting(upstream, dialect, None, None), reply, stream=True)
        check(answer, usage, prompt=prompt, output=prompt)


def test_what_claude_counts_at_its_start_is_no_count_of_the_answer(upstream: Upstream) -> None:
    """A stream that ends without a count, or with zero, began with one: of its first token."""
    for output in (None, "0"):
        reply = ANSWERS["anthropic"]("30", output, False)
        check(*asked(upstream, counting(upstream, "anthropic"), reply, stream=True), prompt=30, output=None)


def test_a_prompt_that_was_cached_as_a_whole_has_no_input(upstream: Upstream) -> None:
    end = speak.chat_end(prompt=30, cached=30, output=7)
    answer, usage = asked(upstream, counting(upstream, "openai_chat"), Reply([speak.chat_text(TEXT), end]), stream=True)
    (row, _) = rows(answer)
    assert (row.input_tokens, row.cache_read_tokens, row.output_tokens, row.estimated) == (0, 30, 7, False)
    assert usage["input_tokens"] == 0


def test_a_cached_prompt_without_its_input_is_not_counted_twice(upstream: Upstream) -> None:
    start = speak.claude_event("message_start", message={"usage": {"cache_read_input_tokens": 12, "output_tokens": 1}})
    answer, usage = asked(
        upstream,
        counting(upstream, "anthropic"),
        Reply([start, speak.claude_text(0, TEXT), speak.claude_end()]),
        stream=True,
    )
    (row, _) = rows(answer)
    estimate = row.input_tokens + 12
    assert (20 < estimate < 60, row.cache_read_tokens, row.output_tokens, row.estimated) == (True, 12, 7, True)
    assert usage["input_tokens"] == row.input_tokens


def test_a_prompt_that_tools_of_the_provider_were_added_to_may_be_longer_than_its_window(upstream: Upstream) -> None:
    searched = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "code_execution", "input": {}}
    start = speak.claude_start(30, 0, 0) + speak.claude_block(0, searched)
    usage = {"input_tokens": 9000, "output_tokens": 7}
    end = speak.claude_event("message_delta", delta={"stop_reason": "end_turn"}, usage=usage)
    for first, prompt in ((start, 9000), (speak.claude_start(30, 0, 0), 30)):
        reply = Reply([first, speak.claude_text(1, TEXT), end, speak.claude_event("message_stop")])
        answer = asyncio.run(relayed(upstream.script(reply).prompt, counting(upstream, "anthropic")))
        (row, _) = rows(answer)
        made = check_stream(answer.body)
        assert made.message is not None
        assert row.input_tokens == {**made.message["usage"], **made.usage}["input_tokens"] == prompt


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_text_that_comes_with_the_start_of_its_block_is_counted(stream: bool, upstream: Upstream) -> None:
    words = TEXT * 3
    reply = Reply(
        [
            speak.claude_start(30, 0, 0),
            speak.claude_block(0, {"type": "text", "text": words}),
            speak.claude_event("message_delta", delta={"stop_reason": "end_turn"}, usage={}),
            speak.claude_event("message_stop"),
        ]
    )
    answer = asyncio.run(relayed(upstream.script(reply).prompt, counting(upstream, "anthropic"), stream=stream))
    assert words.encode() in answer.body
    (row, _) = rows(answer)
    assert (row.input_tokens, row.output_tokens, row.estimated) == (30, -(-len(words) // 4), True)


NESTED = {
    "cache_creation": {"ephemeral_5m_input_tokens": -1, "ephemeral_1h_input_tokens": 10**26},
    "server_tool_use": {"web_search_requests": 1e308, "web_fetch_requests": True},
    "output_tokens_details": {"thinking_tokens": 10**26},
    "iterations": [{"input_tokens": 10**26, "type": "message"}],
    "service_tier": "standard",
    "more": 10**30,
    "cost": 0.25,
}


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_absurd_parts_of_claudes_usage_do_not_reach_the_client(stream: bool, upstream: Upstream) -> None:
    counts = {"input_tokens": 30, "cache_creation_input_tokens": 5, **NESTED}
    start = speak.claude_event("message_start", message={"id": "msg_up", "usage": {**counts, "output_tokens": 1}})
    end = speak.claude_event("message_delta", delta={"stop_reason": "end_turn"}, usage={**counts, "output_tokens": 7})
    reply = Reply([start, speak.claude_text(0, TEXT), end, speak.claude_event("message_stop")])
    answer, usage = asked(upstream, counting(upstream, "anthropic"), reply, stream=stream)
    (row, _) = rows(answer)
    assert (row.input_tokens, row.cache_write_tokens, row.output_tokens, row.estimated) == (30, 5, 7, False)
    assert (row.cache_write_1h_tokens, row.reasoning_tokens, row.web_searches) == (None, None, None)
    assert usage.pop("output_tokens") == 7
    assert usage.pop("cache_read_input_tokens", 0) == 0
    assert usage == {
        "input_tokens": 30,
        "cache_creation_input_tokens": 5,
        "service_tier": "standard",
        "cost": 0.25,
        "cache_creation": {},
        "server_tool_use": {},
        "output_tokens_details": {},
        "iterations": [{"type": "message"}],
    }
    assert b"00000000" not in answer.body


def test_an_answer_whose_counts_are_no_json_fails_and_is_estimated(upstream: Upstream) -> None:
    """NaN, and more digits than a number has: nobody can say where such an answer ends."""
    for dialect, wrong in itertools.product(DIALECTS, ("NaN", "Infinity", "9" * 5000)):
        reply = ANSWERS[dialect]("30", wrong, False)
        answer = asyncio.run(relayed(upstream.script(reply).prompt, counting(upstream, dialect)))
        (attempt,) = answer.exchange.account.attempts
        assert (attempt.outcome, attempt.estimated, attempt.output_tokens) == (Outcome.FAILED, True, TEXT_TOKENS)
        assert b"99999" not in answer.body
        assert b"NaN" not in answer.body

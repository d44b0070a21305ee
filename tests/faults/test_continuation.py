"""An answer that breaks off in its text, on a route that goes on with it, behind a running gateway."""

from __future__ import annotations

import pytest

from tests.faults.conftest import MakeRoute
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.rows import Rows
from tests.harness.script import CUT, HANG, Reply, Step
from tests.harness.upstream import Upstream

DIALECTS = {
    **dict.fromkeys(("bad", "stalling", "healthy"), "openai_chat"),
    **dict.fromkeys(("bad_claude", "stalling_claude", "healthy_claude"), "anthropic"),
}
RECEIVED = "The answer to your question is, "

BREAKS: dict[str, list[Step]] = {"cut": [CUT], "end": [], "silence": [HANG], "error": []}


def _breaks_off(name: str, how: str = "cut", text: str = RECEIVED) -> Reply:
    dialect = DIALECTS[name]
    steps: list[Step] = [speak.opening(dialect, text), *BREAKS[how]]
    if how == "error":
        steps.append(speak.error_in_stream(dialect, "it fell over"))
    return Reply(steps)


@pytest.mark.both_databases
@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.parametrize("second", ["healthy", "healthy_claude"])
@pytest.mark.parametrize("first", ["bad", "bad_claude"])
def test_the_next_candidate_goes_on(
    first: str, second: str, how: str, client: Client, make: MakeRoute, upstream: Upstream, orm: Rows
) -> None:
    if how == "silence":
        first = first.replace("bad", "stalling")
    route = make(first, second, continues=True)
    script = upstream.script(
        **{first: [_breaks_off(first, how)], second: [speak.answer(DIALECTS[second], "after all, 42.")]}
    )
    answer = client.post(message(route.name, script.prompt))
    stream = answer.stream()
    assert stream.text == "The answer to your question is, after all, 42."
    assert (len(stream.blocks), stream.stop_reason) == (1, "end_turn")
    asked = script.seen[1].body["messages"]
    assert [each["role"] for each in asked][-2:] == ["assistant", "user"]
    assert RECEIVED.strip() in str(asked[-2]["content"])
    row = orm.request(answer.request_id)
    broken, complete = orm.attempts(row)
    assert (row.outcome, row.stop_reason, row.attempts) == ("completed", "end_turn", 2)
    assert (broken.outcome, broken.estimated) == ("failed", True)
    assert (complete.outcome, complete.estimated, complete.output_tokens) == ("completed", False, 7)
    assert "answer_continued" in (complete.fidelity or [])
    assert "answer_continued" in (row.fidelity or [])
    # Eight of the first, by their size, and seven of the second.
    assert broken.output_tokens is not None
    assert 8 <= broken.output_tokens <= 10
    assert stream.usage["output_tokens"] == row.output_tokens == broken.output_tokens + 7
    assert (row.estimated, row.cost) == (True, broken.cost + complete.cost)


def test_what_the_next_one_repeats_is_cut(client: Client, make: MakeRoute, upstream: Upstream) -> None:
    route = make("bad", "healthy", continues=True)
    script = upstream.script(bad=[_breaks_off("bad")], healthy=[speak.chat_answer(f"{RECEIVED}after all, 42.")])
    assert client.post(message(route.name, script.prompt)).stream().text == f"{RECEIVED}after all, 42."


def test_a_model_with_prefill_is_given_the_beginning(client: Client, make: MakeRoute, upstream: Upstream) -> None:
    route = make("bad", "prefilled", continues=True)
    script = upstream.script(bad=[_breaks_off("bad")], prefilled=[speak.claude_answer(" after all, 42.")])
    assert client.post(message(route.name, script.prompt)).stream().text == f"{RECEIVED}after all, 42."
    assert script.seen[1].body["messages"][-1] == {
        "role": "assistant",
        "content": [{"type": "text", "text": RECEIVED.strip()}],
    }


def test_a_server_with_a_way_to_prefill_needs_no_capability(
    client: Client, make: MakeRoute, upstream: Upstream
) -> None:
    """Mistral wants a mark, and repeats the beginning."""
    route = make("bad", "mistral", continues=True)
    answer = speak.chat_answer(f"{RECEIVED.strip()} after all, 42.")
    script = upstream.script(bad=[_breaks_off("bad")], mistral=[answer])
    assert client.post(message(route.name, script.prompt)).stream().text == f"{RECEIVED}after all, 42."
    beginning = {"role": "assistant", "content": RECEIVED.strip(), "prefix": True}
    assert script.seen[1].body["messages"][-1] == beginning


def test_two_that_break_off_and_a_third(client: Client, make: MakeRoute, upstream: Upstream, orm: Rows) -> None:
    route = make("bad", "bad_claude", "refused", "healthy", continues=True, attempts=6)
    script = upstream.script(
        bad=[_breaks_off("bad", text="One, ")],
        bad_claude=[_breaks_off("bad_claude", text="two, ")],
        healthy=[speak.chat_answer("three.")],
    )
    answer = client.post(message(route.name, script.prompt))
    stream = answer.stream()
    assert (stream.text, len(stream.blocks)) == ("One, two, three.", 1)
    row = orm.request(answer.request_id)
    attempts = orm.attempts(row)
    assert [a.error_type for a in attempts] == ["connection_lost", "connection_lost", "connect", ""]
    # Who was never reached has said nothing and took nothing.
    assert (attempts[2].output_tokens, attempts[2].input_tokens, attempts[2].estimated) == (None, None, False)
    assert row.output_tokens == sum(a.output_tokens or 0 for a in attempts)


def test_the_same_candidate_goes_on_where_there_is_no_other(
    client: Client, make: MakeRoute, upstream: Upstream
) -> None:
    route = make("bad", continues=True, retries=1)
    script = upstream.script(bad=[_breaks_off("bad"), speak.chat_answer("42.")])
    assert client.post(message(route.name, script.prompt)).stream().text == f"{RECEIVED}42."


def test_when_no_attempt_continues_the_client_gets_the_cause(
    client: Client, make: MakeRoute, upstream: Upstream, orm: Rows
) -> None:
    route = make("bad", "refused", continues=True)
    script = upstream.script(bad=[_breaks_off("bad", "error")])
    answer = client.post(message(route.name, script.prompt))
    stream, error = answer.broken_stream()
    assert (stream.text, error["message"]) == (RECEIVED, "it fell over")
    row = orm.request(answer.request_id)
    assert (row.outcome, row.attempts, row.output_tokens) == ("failed", 2, 8)


TOOL = [{"name": "Read", "input_schema": {"type": "object"}}]
NOT_TEXT: dict[str, list[Step]] = {
    "thinking": [speak.chat_thinking("Hm."), CUT],
    "a-call": [speak.chat_text("I shall look."), speak.chat_tool(0, '{"a"', id="call_1", name="Read"), CUT],
    "text-after-a-call": [
        speak.claude_start(),
        speak.claude_tool(0, "toolu_1", "Read", "{}"),
        speak.claude_event("content_block_start", index=1, content_block={"type": "text", "text": ""}),
        speak.claude_event("content_block_delta", index=1, delta={"type": "text_delta", "text": "And"}),
        CUT,
    ],
}


@pytest.mark.parametrize("what", NOT_TEXT)
def test_nothing_but_text_is_gone_on_with(what: str, client: Client, make: MakeRoute, upstream: Upstream) -> None:
    first = "bad_claude" if what == "text-after-a-call" else "bad"
    route = make(first, "healthy", continues=True)
    script = upstream.script(**{first: [Reply(NOT_TEXT[what])], "healthy": [speak.chat_answer("never")]})
    client.post(message(route.name, script.prompt, tools=TOOL)).broken_stream()
    assert len(script.seen) == 1


def test_without_the_routes_leave_the_stream_ends_with_an_error(
    client: Client, make: MakeRoute, upstream: Upstream
) -> None:
    route = make("bad", "healthy")
    script = upstream.script(bad=[_breaks_off("bad")], healthy=[speak.chat_answer("never")])
    stream, _ = client.post(message(route.name, script.prompt)).broken_stream()
    assert stream.text == RECEIVED
    assert len(script.seen) == 1


def test_a_tool_call_may_follow_the_text_that_was_gone_on_with(
    client: Client, make: MakeRoute, upstream: Upstream
) -> None:
    route = make("bad", "healthy_claude", continues=True)
    reply = [
        speak.claude_start(),
        speak.claude_thinking(0, "Hm.", "c2ln"),
        speak.claude_text(1, "look ", "into it."),
        speak.claude_tool(2, "toolu_1", "Read", '{"path":', ' "a"}'),
        speak.claude_end("tool_use"),
    ]
    script = upstream.script(bad=[_breaks_off("bad", text="I shall ")], healthy_claude=[Reply(reply)])
    stream = client.post(message(route.name, script.prompt, tools=TOOL)).stream()
    assert [block.type for block in stream.blocks] == ["text", "tool_use"]
    assert (stream.text, stream.tool_calls[0].input) == ("I shall look into it.", {"path": "a"})
    assert stream.stop_reason == "tool_use"


@pytest.mark.parametrize("second", ["healthy", "healthy_claude"])
def test_what_providers_refuse_the_gateway_is_never_the_callers(
    second: str, client: Client, make: MakeRoute, upstream: Upstream
) -> None:
    route = make("bad_claude", second, continues=True)
    unpaid = speak.claude_event("error", error={"type": "billing_error", "message": "Your credit balance is too low."})
    for status in (401, 402, 403):
        script = upstream.script(
            bad_claude=[Reply([speak.opening("anthropic", RECEIVED), unpaid])],
            **{second: [speak.refusal(DIALECTS[second], status, "Not you.")]},
        )
        stream, error = client.post(message(route.name, script.prompt)).broken_stream()
        assert len(script.seen) == 2
        assert (stream.text, error["type"]) == (RECEIVED, "api_error")
        assert "requires payment for this gateway's account" in error["message"]
        assert "credit balance" not in error["message"]

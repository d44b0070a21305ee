"""Retries on one candidate, the waits before them, and the deadline that bounds everything."""

from __future__ import annotations

import json
import time
from datetime import timedelta

from tests.faults.conftest import MakeRoute
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.gateway import Gateway
from tests.harness.patience import SOON
from tests.harness.rows import Rows
from tests.harness.script import HANG, Reply
from tests.harness.upstream import Upstream

BUSY = speak.refusal("openai_chat", 529, "busy")


def _limited(seconds: str) -> Reply:
    return speak.refusal("openai_chat", 429, "slow down", headers={"retry-after": seconds})


def test_a_candidate_is_tried_again(client: Client, make: MakeRoute, upstream: Upstream, orm: Rows) -> None:
    route = make("healthy", retries=2)
    script = upstream.script(
        healthy=[BUSY, Reply([speak.error_in_stream("openai_chat", "x")]), speak.chat_answer("now")]
    )
    answer = client.post(message(route.name, script.prompt))
    assert answer.stream().text == "now"
    attempts = orm.attempts(orm.request(answer.request_id))
    assert [(a.number, a.outcome) for a in attempts] == [(1, "failed"), (2, "failed"), (3, "completed")]
    assert len({seen.headers["x-attempt-id"] for seen in script.seen}) == 3


def test_a_retry_after_is_waited_for_and_the_wait_shows_between_the_attempts(
    client: Client, make: MakeRoute, upstream: Upstream, orm: Rows
) -> None:
    route = make("healthy", retries=1)
    script = upstream.script(healthy=[_limited("1"), speak.chat_answer("now")])
    answer = client.post(message(route.name, script.prompt))
    assert answer.stream().text == "now"
    assert script.seen[1].arrived - script.seen[0].arrived >= 1.0
    first, second = orm.attempts(orm.request(answer.request_id))
    assert (second.started_at - first.started_at).total_seconds() >= 1.0
    # The attempt was over before the wait began.
    assert first.duration_ms is not None
    ended_at = first.started_at + timedelta(milliseconds=first.duration_ms)
    assert (second.started_at - ended_at).total_seconds() >= 0.9


def test_a_retry_after_in_milliseconds(client: Client, make: MakeRoute, upstream: Upstream) -> None:
    route = make("healthy", retries=1)
    limited = speak.refusal("openai_chat", 429, "slow", headers={"retry-after-ms": "300", "retry-after": "30"})
    script = upstream.script(healthy=[limited, speak.chat_answer("now")])
    assert client.post(message(route.name, script.prompt)).stream().text == "now"
    assert 0.3 <= script.seen[1].arrived - script.seen[0].arrived < SOON


def test_who_wants_too_long_a_wait_is_left_for_the_next_at_once(
    client: Client, make: MakeRoute, upstream: Upstream
) -> None:
    route = make("bad", "healthy", retries=3)
    script = upstream.script(bad=[_limited("11")], healthy=[speak.chat_answer("now")])
    assert client.post(message(route.name, script.prompt)).stream().text == "now"
    assert script.seen[1].arrived - script.seen[0].arrived < 11
    assert len(script.seen) == 2


def test_the_client_gets_the_most_useful_error_and_the_shortest_retry_after(
    client: Client, make: MakeRoute, upstream: Upstream, orm: Rows
) -> None:
    route = make("bad", "healthy", "refused")
    script = upstream.script(bad=[_limited("50")], healthy=[_limited("20")])
    answer = client.post(message(route.name, script.prompt))
    assert answer.error(429, "rate_limit_error") == "slow down"
    assert answer.headers["retry-after"] == "20"
    row = orm.request(answer.request_id)
    assert [a.error_type for a in orm.attempts(row)] == ["rate_limit", "rate_limit", "connect"]
    # The row is about the attempt that the client heard of.
    assert (row.attempts, row.provider_name) == (3, orm.attempts(row)[1].provider_name)


def test_the_first_candidates_word_about_the_request_outweighs_a_broken_fallback(
    client: Client, make: MakeRoute, upstream: Upstream
) -> None:
    route = make("bad", "refused")
    long = "This model's maximum context length is 1000 tokens. However, your messages resulted in 2000 tokens."
    script = upstream.script(bad=[speak.refusal("openai_chat", 400, long, code="context_length_exceeded")])
    answer = client.post(message(route.name, script.prompt))
    assert answer.error(400, "invalid_request_error") == "prompt is too long: 2000 tokens > 1000 maximum"


def test_the_deadline_bounds_the_waits(client: Client, make: MakeRoute, upstream: Upstream, orm: Rows) -> None:
    route = make("healthy", retries=5, deadline=8)
    script = upstream.script(healthy=[_limited("9")])
    began = time.monotonic()
    answer = client.post(message(route.name, script.prompt))
    answer.error(429, "rate_limit_error")
    # A wait that would end after the deadline is not begun.
    assert time.monotonic() - began < 8
    assert len(script.seen) == 1


def test_the_deadline_ends_an_attempt_under_way(client: Client, make: MakeRoute, upstream: Upstream, orm: Rows) -> None:
    route = make("healthy", "healthy_claude", deadline=0.7)
    script = upstream.script(healthy=[Reply([HANG])], healthy_claude=[speak.claude_answer()])
    began = time.monotonic()
    answer = client.post(message(route.name, script.prompt))
    assert "longer than this route allows" in answer.error(504, "timeout_error")
    assert time.monotonic() - began >= 0.7
    row = orm.request(answer.request_id)
    assert [a.error_type for a in orm.attempts(row)] == ["deadline"]
    assert script.wait_closed()


def test_the_deadline_ends_a_stream_with_an_error_event(client: Client, make: MakeRoute, upstream: Upstream) -> None:
    route = make("healthy", deadline=0.7)
    script = upstream.script(healthy=[Reply([speak.opening("openai_chat", "Half an "), HANG])])
    stream, error = client.post(message(route.name, script.prompt)).broken_stream()
    assert (stream.text, error["type"]) == ("Half an ", "timeout_error")


def test_a_client_that_goes_while_a_retry_waits_ends_it_at_once(
    client: Client, gateway: Gateway, make: MakeRoute, upstream: Upstream, orm: Rows
) -> None:
    route = make("healthy", retries=3)
    script = upstream.script(healthy=[_limited("9"), speak.chat_answer()])
    end = gateway.log_end()

    def refused() -> None:
        gateway.wait_logged("attempt failed", end)

    began = time.monotonic()
    client.leave_unanswered(message(route.name, script.prompt), refused, session="gone-while-waiting")
    row = orm.by_session("gone-while-waiting")
    assert time.monotonic() - began < 9
    assert (row.outcome, row.error_code) == ("client_closed", "client_closed")
    assert [(a.outcome, a.error_type) for a in orm.attempts(row)] == [("failed", "rate_limit")]
    assert len(script.seen) == 1


def test_pings_go_on_while_a_retry_waits(
    hasty_client: Client, hasty_gateway: Gateway, make: MakeRoute, upstream: Upstream
) -> None:
    route = make("healthy", retries=1)
    hasty_gateway.wait_snapshot()
    script = upstream.script(healthy=[_limited("2"), speak.chat_answer("at last")])
    answer = hasty_client.post(message(route.name, script.prompt))
    assert answer.stream().text == "at last"
    events = [json.loads(part.partition(b"data: ")[2])["type"] for part in answer.raw.split(b"\n\n")[:-1]]
    assert events[0] == "message_start"
    assert events.count("ping") >= 2

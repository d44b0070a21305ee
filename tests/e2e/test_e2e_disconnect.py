"""When the client goes, the upstream connection is closed at once and the row says what is known."""

from __future__ import annotations

import pytest

from providers.dialects import DIALECTS
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, make_key
from tests.harness.gateway import Gateway
from tests.harness.patience import SOON, at_best
from tests.harness.rows import Rows
from tests.harness.script import HANG, Endless, Reply, Step
from tests.harness.upstream import Upstream

AT_ONCE = 0.1
"""Seconds, which the gateway promises and a machine with other work to do may take longer for."""


@pytest.mark.both_databases
@pytest.mark.parametrize("reset", [False, True], ids=["closes", "resets"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_leaving_a_silent_stream(
    dialect: str, reset: bool, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(Reply([speak.opening(dialect, "Once upon a time"), HANG]))
    with client.reading(message(standing.routes[dialect].name, script.prompt)) as reading:
        reading.until(b"Once upon a time")
        left = reading.leave(reset=reset)
    assert script.wait_closed() - left < SOON
    row = orm.request(reading.headers["request-id"])
    (attempt,) = orm.attempts(row)
    assert (row.outcome, attempt.outcome, row.http_status, row.stop_reason) == (
        "client_closed",
        "client_closed",
        200,
        "",
    )
    assert row.time_to_first_token_ms is not None
    assert row.duration_ms is not None
    if dialect == "anthropic":
        assert (row.input_tokens, row.cache_read_tokens, row.cache_write_tokens) == (20, 10, 5)
    # What was said will be billed, and the provider could not tell how much that was: it is counted here.
    assert (row.estimated, attempt.estimated) == (True, True)
    assert row.input_tokens is not None
    assert row.output_tokens is not None
    assert row.cost is not None


@pytest.mark.parametrize("step", [HANG, Endless(speak.more("anthropic", " upon a time"))], ids=["silent", "busy"])
def test_the_upstream_is_left_within_100_ms(step: Step, client: Client, standing: Standing, upstream: Upstream) -> None:
    def seconds() -> float:
        script = upstream.script(Reply([speak.opening("anthropic", "Once upon a time"), step]))
        with client.reading(message(standing.routes["anthropic"].name, script.prompt)) as reading:
            reading.until(b"Once upon a time")
            left = reading.leave()
        return script.wait_closed() - left

    at_best(AT_ONCE, seconds)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_leaving_a_busy_stream(dialect: str, client: Client, standing: Standing, upstream: Upstream, orm: Rows) -> None:
    script = upstream.script(Reply([speak.opening(dialect, "Once"), Endless(speak.more(dialect, " upon a time"))]))
    with client.reading(message(standing.routes[dialect].name, script.prompt)) as reading:
        reading.until(lambda raw: len(raw) > 50_000)
        left = reading.leave()
    assert script.wait_closed() - left < SOON
    assert orm.request(reading.headers["request-id"]).outcome == "client_closed"


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("where", ["before-head", "before-content", "in-the-middle"])
def test_leaving_before_anything_came(
    where: str, stream: bool, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    reply = {
        "before-head": Reply(before=[HANG]),
        "before-content": Reply([speak.claude_start(), HANG]),
        "in-the-middle": Reply([speak.opening("anthropic", "Once"), HANG]),
    }[where]
    script = upstream.script(reply)
    body = message(standing.routes["anthropic"].name, script.prompt, stream=stream)
    left = client.leave_unanswered(body, lambda: script.wait_read(reply), script.mark)
    assert script.wait_closed() - left < SOON
    row = orm.by_session(script.mark)
    assert (row.outcome, row.streamed) == ("client_closed", stream)
    if where == "before-head":
        assert (row.input_tokens, row.time_to_first_token_ms) == (None, None)
    else:
        assert row.input_tokens == 20


def test_leaving_while_pings_go_out(hasty_client: Client, standing: Standing, upstream: Upstream, orm: Rows) -> None:
    script = upstream.script(Reply(before=[HANG]))
    with hasty_client.reading(message(standing.routes["openai_chat"].name, script.prompt)) as reading:
        reading.until(b"event: ping")
        left = reading.leave()
    assert script.wait_closed() - left < SOON
    row = orm.request(reading.headers["request-id"])
    assert (row.outcome, row.time_to_first_token_ms) == ("client_closed", None)


def test_leaving_in_the_middle_of_a_fallback_ends_it(
    client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(first=[speak.refusal("openai_chat", 500, "broken")], second=[Reply(before=[HANG])])
    body = message(standing.routes["chain"].name, script.prompt)
    left = client.leave_unanswered(body, lambda: script.wait(2), script.mark)
    assert script.wait_closed(2) - left < SOON
    row = orm.by_session(script.mark)
    assert [attempt.outcome for attempt in orm.attempts(row)] == ["failed", "client_closed"]


def test_leaving_in_the_middle_of_the_own_request_leaves_a_row_and_calls_nobody(
    orm: Rows, gateway: Gateway, standing: Standing
) -> None:
    key = make_key()
    gateway.wait_snapshot()
    Client(gateway.base_url, key.secret).leave_half_sent(standing.routes["openai_chat"].name)
    (row,) = orm.of_key(key, 1)
    assert (row.outcome, row.attempts, row.http_status) == ("client_closed", 0, None)

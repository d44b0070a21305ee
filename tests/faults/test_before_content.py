"""Whatever goes wrong before the first content: the client sees the answer of the next candidate and nothing else."""

from __future__ import annotations

import pytest

from tests.faults.conftest import MakeRoute
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.rows import Rows
from tests.harness.script import CUT, HANG, Reply, Step, Wait
from tests.harness.upstream import Upstream

HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
START = speak.chat_chunk({"role": "assistant", "content": ""})


def _dribbled(data: bytes) -> list[Step]:
    """A byte at a time, never as far as its end."""
    return [step for byte in data[:-1] for step in (bytes([byte]), Wait(0.05))]


FAULTS: dict[str, tuple[Reply, str]] = {
    "hangs-before-headers": (Reply(before=[HANG]), "first_event_timeout"),
    "hangs-after-headers": (Reply([HANG]), "first_event_timeout"),
    "hangs-in-the-stream": (Reply([START, HANG]), "idle_timeout"),
    "resets-before-headers": (Reply(before=[CUT]), "connection_lost"),
    "resets-in-the-stream": (Reply([START, CUT]), "connection_lost"),
    "429": (speak.refusal("openai_chat", 429, "slow down"), "rate_limit"),
    "429-retry-after": (
        speak.refusal("openai_chat", 429, "slow down", headers={"retry-after": "600"}),
        "rate_limit",
    ),
    "529": (speak.refusal("openai_chat", 529, "busy"), "overloaded"),
    "408": (speak.refusal("openai_chat", 408, "too slow"), "server"),
    "409": (speak.refusal("openai_chat", 409, "conflict"), "conflict"),
    "html-502": (Reply([HTML], status=502, headers={"content-type": "text/html"}), "server"),
    "html-200": (Reply([HTML], headers={"content-type": "text/html"}), "malformed"),
    "error-first": (Reply([speak.error_in_stream("openai_chat", "broken")]), "server"),
    "error-after-start": (Reply([START, speak.error_in_stream("openai_chat", "broken")]), "server"),
    "slow-loris-headers": (
        Reply(before=_dribbled(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n")),
        "first_event_timeout",
    ),
    "slow-loris-body": (Reply(_dribbled(speak.chat_text("never whole"))), "first_event_timeout"),
}


@pytest.mark.both_databases
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_candidate_answers(
    fault: str, stream: bool, client: Client, make: MakeRoute, upstream: Upstream, orm: Rows
) -> None:
    reply, kind = FAULTS[fault]
    first = {"first_event_timeout": "silent", "idle_timeout": "stalling"}.get(kind, "bad")
    route = make(first, "healthy_claude")
    script = upstream.script(**{first: [reply], "healthy_claude": [speak.claude_answer("from the next")]})
    answer = client.post(message(route.name, script.prompt, stream=stream))
    text = answer.stream().text if stream else answer.json["content"][0]["text"]
    assert text == "from the next"
    row = orm.request(answer.request_id)
    attempts = orm.attempts(row)
    assert [attempt.outcome for attempt in attempts] == ["failed", "completed"]
    assert attempts[0].error_type == kind
    assert (row.outcome, row.input_tokens, row.output_tokens) == ("completed", 20, 7)
    # What the upstream saw of an attempt it saw once.
    assert [each.headers["x-attempt-id"] for each in script.seen] == [str(attempt.id) for attempt in attempts]


@pytest.mark.both_databases
def test_a_server_that_refuses_connections(client: Client, make: MakeRoute, upstream: Upstream, orm: Rows) -> None:
    route = make("refused", "healthy")
    script = upstream.script(healthy=[speak.chat_answer("from the next")])
    answer = client.post(message(route.name, script.prompt))
    assert answer.stream().text == "from the next"
    first, second = orm.attempts(orm.request(answer.request_id))
    assert (first.outcome, first.error_type, first.http_status) == ("failed", "connect", None)
    assert second.outcome == "completed"


def test_half_an_answer_in_one_piece_was_never_sent_and_is_asked_for_again(
    client: Client, make: MakeRoute, upstream: Upstream, orm: Rows
) -> None:
    route = make("bad", "healthy")
    script = upstream.script(
        bad=[Reply([speak.opening("openai_chat", "Half an answer"), CUT])], healthy=[speak.chat_answer("A whole one")]
    )
    answer = client.post(message(route.name, script.prompt, stream=False))
    assert [block["text"] for block in answer.json["content"]] == ["A whole one"]
    row = orm.request(answer.request_id)
    half, complete = orm.attempts(row)
    assert (half.outcome, half.estimated, half.output_tokens) == ("failed", True, 4)
    assert (complete.outcome, complete.estimated, complete.output_tokens) == ("completed", False, 7)
    assert row.cost == half.cost + complete.cost

"""The fidelity report of real requests: in the header, on the rows, and each attempt its own."""

from __future__ import annotations

from typing import Any

import pytest

from providers.fidelity import LONGEST_PATH, MOST_PATHS, NO_NAME, Fidelity, Notes
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.both_databases

HEADER = "x-gateway-fidelity"
THOUGHT = [
    {"role": "user", "content": "Hi"},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "px1:other"},
            {"type": "text", "text": "Hello"},
        ],
    },
]


def asked(route: str, prompt: str, *, stream: bool) -> dict[str, Any]:
    """A request with a thinking block that no Claude server signed, and an orphan of a tool result."""
    result = {"type": "tool_result", "tool_use_id": "toolu_gone", "content": "done"}
    last = {"role": "user", "content": [result, {"type": "text", "text": prompt}]}
    return message(route, stream=stream, messages=[*THOUGHT, last])


@pytest.mark.parametrize("stream", [True, False])
def test_the_header_and_the_rows_say_the_same(
    stream: bool, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(speak.chat_answer())
    answer = client.post(asked(standing.routes["openai_chat"].name, script.prompt, stream=stream))
    assert answer.status == 200
    codes = answer.headers[HEADER].split(",")
    assert "result_orphaned" in codes
    assert len(codes) == len(set(codes))
    row = orm.request(answer.request_id)
    (attempt,) = orm.attempts(row)
    assert row.fidelity == attempt.fidelity == codes


def test_an_error_has_the_header_too(client: Client, standing: Standing, upstream: Upstream, orm: Rows) -> None:
    script = upstream.script(speak.refusal("openai_chat", 400, "no"))
    answer = client.post(asked(standing.routes["openai_chat"].name, script.prompt, stream=True))
    answer.error(400, "invalid_request_error")
    assert "result_orphaned" in answer.headers[HEADER].split(",")
    assert orm.request(answer.request_id).fidelity == answer.headers[HEADER].split(",")


def test_nothing_lost_is_no_header_and_an_empty_list(
    client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(speak.claude_answer())
    answer = client.post(message(standing.routes["anthropic"].name, script.prompt))
    assert HEADER not in answer.headers
    row = orm.request(answer.request_id)
    assert (row.fidelity, orm.attempts(row)[0].fidelity) == ([], [])


def test_a_request_that_reached_no_provider_has_no_report(client: Client, orm: Rows) -> None:
    answer = client.post(message("no-such-route-at-all"))
    assert HEADER not in answer.headers
    assert orm.request(answer.request_id).fidelity is None


def test_each_attempt_keeps_its_own_and_the_request_the_last(
    client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(
        third=[speak.refusal("anthropic", 529, "Overloaded")], first=[speak.chat_answer("from the second")]
    )
    answer = client.post(asked(standing.routes["from_claude"].name, script.prompt, stream=True))
    assert answer.stream().text == "from the second"
    row = orm.request(answer.request_id)
    claude, chat = orm.attempts(row)
    assert claude.fidelity == ["thinking_dropped"]
    assert chat.fidelity
    assert "result_orphaned" in chat.fidelity
    assert row.fidelity == chat.fidelity == answer.headers[HEADER].split(",")


def test_a_count_has_the_header_of_its_translation(client: Client, standing: Standing, upstream: Upstream) -> None:
    from tests.harness.script import Reply

    script = upstream.script(Reply([b'{"input_tokens": 33}'], headers={"content-type": "application/json"}))
    body = asked(standing.routes["anthropic"].name, script.prompt, stream=False)
    counted = client.post({name: body[name] for name in ("model", "messages")}, path="/v1/messages/count_tokens")
    assert counted.headers[HEADER] == "thinking_dropped"


def test_the_row_names_the_fields_that_were_dropped_and_no_values(
    client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(speak.chat_answer())
    body = message(
        standing.routes["openai_chat"].name, script.prompt, speed="fast", an_odd_field="private",
        tools=[{"name": "look", "input_schema": {"type": "object"}, "strict": True}],
    )  # fmt: skip
    answer = client.post(body, headers={"anthropic-beta": "fast-mode-2026-02-01, other-2026"})
    assert answer.status == 200
    (attempt,) = orm.attempts(orm.request(answer.request_id))
    assert attempt.dropped == {
        "client_field_dropped": ["an_odd_field"],
        "beta_dropped": ["fast-mode-2026-02-01", "other-2026"],
        "field_dropped": ["speed"],
        "tool_fields_dropped": ["tools.strict"],
    }


def test_names_of_fields_are_short_names_and_few() -> None:
    notes = Notes()
    notes.add(Fidelity.CLIENT_FIELD_DROPPED, "a\x00b", "x" * 500, "my password is", "", "options.num_gpu")
    for number in range(100):
        notes.add(Fidelity.FIELD_DROPPED, f"field{number}")
    assert notes.paths["client_field_dropped"] == [NO_NAME, "x" * LONGEST_PATH, "options.num_gpu"]
    assert LONGEST_PATH <= 64
    assert sum(map(len, notes.paths.values())) == MOST_PATHS

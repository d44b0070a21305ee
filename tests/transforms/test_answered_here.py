"""`max_tokens: 0` warms a cache: Claude servers are asked, for any other provider the empty answer is given here."""

from __future__ import annotations

import pytest

from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_no_provider_is_called_for_nothing(
    stream: bool, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(speak.chat_answer())
    body = message(standing.routes["openai_chat"].name, script.prompt, stream=stream, max_tokens=0)
    answer = client.post(body)
    if stream:
        parsed = answer.stream()
        content, stop_reason, usage = parsed.blocks, parsed.stop_reason, parsed.usage
    else:
        content, stop_reason, usage = (answer.json[field] for field in ("content", "stop_reason", "usage"))
    assert (content, stop_reason) == ([], "max_tokens")
    assert (usage["input_tokens"], usage["output_tokens"]) == (0, 0)
    assert script.seen == []
    assert answer.headers["x-gateway-fidelity"] == "answered_here"
    row = orm.request(answer.request_id)
    assert (row.outcome, row.model_name, row.stop_reason) == (
        "completed",
        standing.models["openai_chat"].name,
        "max_tokens",
    )
    assert (row.cost, row.input_tokens, row.output_tokens, row.estimated) == (0, 0, 0, False)
    assert row.provider_name == standing.models["openai_chat"].provider.name
    assert row.fidelity == ["answered_here"]


def test_a_claude_server_is_asked(client: Client, standing: Standing, upstream: Upstream) -> None:
    script = upstream.script(speak.claude_answer())
    client.post(message(standing.routes["anthropic"].name, script.prompt, max_tokens=0)).stream()
    assert [seen.body["max_tokens"] for seen in script.seen] == [0]

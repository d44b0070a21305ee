"""The official `@anthropic-ai/sdk` for TypeScript against a running server, over every dialect."""

from __future__ import annotations

from typing import Any

import pytest

from providers.dialects import DIALECTS
from tests.clients import npm
from tests.harness import speak
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.script import CUT, Reply, Script
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.clients
a_dialect = pytest.mark.parametrize("dialect", DIALECTS)


class TypeScript:
    """Runs a script of tests/clients as the holder of the standing key."""

    def __init__(self, gateway: Gateway, standing: Standing) -> None:
        self._gateway = gateway
        self._standing = standing

    def run(self, name: str, dialect: str, script: Script) -> Any:
        """The script's output after a request to the route of a dialect."""
        return npm.run_script(
            name,
            GATEWAY=self._gateway.base_url,
            KEY=self._standing.key.secret,
            MODEL=self._standing.routes[dialect].name,
            PROMPT=script.prompt,
        )


@pytest.fixture
def typescript(gateway: Gateway, standing: Standing) -> TypeScript:
    """The SDK."""
    return TypeScript(gateway, standing)


@a_dialect
def test_text(dialect: str, typescript: TypeScript, upstream: Upstream) -> None:
    reply = speak.reply(dialect, speak.text("Hello ", "thére", " \N{SNOWMAN}"))
    result = typescript.run("streamed", dialect, upstream.script(reply))
    assert "".join(result["pieces"]) == result["text"] == "Hello thére \N{SNOWMAN}"
    fresh, _, output = speak.counts(dialect)
    assert (result["message"]["usage"]["input_tokens"], result["message"]["usage"]["output_tokens"]) == (fresh, output)
    assert result["message"]["stop_reason"] == "end_turn"
    types = typescript.run("events", dialect, upstream.script(reply))["types"]
    assert (types[0], types[-2:]) == ("message_start", ["message_delta", "message_stop"])


@a_dialect
def test_without_streaming(dialect: str, typescript: TypeScript, upstream: Upstream) -> None:
    result = typescript.run(
        "whole", dialect, upstream.script(speak.reply(dialect, speak.text("Once upon"), finish="length"))
    )
    assert [(block["type"], block["text"]) for block in result["message"]["content"]] == [("text", "Once upon")]
    assert result["message"]["stop_reason"] == "max_tokens"
    assert result["request_id"].startswith("req_")


@a_dialect
def test_thinking_parallel_calls_and_their_results(dialect: str, typescript: TypeScript, upstream: Upstream) -> None:
    calls = (
        speak.call("get_weather", '{"city":', ' "Paris"}', id="call_a"),
        speak.call("get_weather", '{"city": "Rome"}', id="call_b"),
    )
    turn = speak.reply(dialect, speak.Thinking("Two cities."), speak.text("I look."), *calls)
    script = upstream.script(turn, speak.answer(dialect, "Sun everywhere."))
    result = typescript.run("tools", dialect, script)
    blocks = [block for block in result["message"]["content"] if block.get("thinking") != ""]
    assert [block["type"] for block in blocks] == ["thinking", "text", "tool_use", "tool_use"]
    assert [block["input"] for block in blocks[2:]] == [{"city": "Paris"}, {"city": "Rome"}]
    assert result["message"]["stop_reason"] == "tool_use"
    assert result["inputs"]
    assert result["second"]["content"][0]["text"] == "Sun everywhere."
    paris, rome = speak.results(dialect, script.seen[1].body)
    assert ("sunny in Paris" in paris, "sunny in Rome" in rome) == (True, True)


@a_dialect
def test_errors(dialect: str, typescript: TypeScript, upstream: Upstream) -> None:
    for status, name, kind in (
        (400, "BadRequestError", "invalid_request_error"),
        (429, "RateLimitError", "rate_limit_error"),
        (529, "OverloadedError", "overloaded_error"),
    ):
        result = typescript.run("refused", dialect, upstream.script(speak.refusal(dialect, status, "The reason.")))
        for error in result["errors"]:
            assert (error["status"], error["type"]) == (status, kind)
            assert error["error"] in {name, "InternalServerError"}
            assert "The reason." in error["message"]


@a_dialect
def test_a_failure_inside_the_stream_is_never_a_short_answer(
    dialect: str, typescript: TypeScript, upstream: Upstream
) -> None:
    for last in (speak.error_in_stream(dialect, "fell over"), CUT):
        script = upstream.script(Reply([speak.opening(dialect, "Half"), last]))
        streamed, whole = typescript.run("refused", dialect, script)["errors"]
        assert streamed["type"] in {"api_error", "overloaded_error"}
        assert whole["status"] in {502, 529, 500}

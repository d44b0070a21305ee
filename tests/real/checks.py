"""What a client sees of a real server through the gateway: the official SDK asks, the judge of streams reads along."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic

from tests.harness.call import Client, message
from tests.real.configure import route_name
from tests.real.servers import Api
from tests.real.site import Site

TOOL: dict[str, Any] = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"enum": ["Paris", "Rome"]}}, "required": ["city"]},
}
_FORCED: Any = {"type": "tool", "name": "get_weather"}


def checks(site: Site, api: Api) -> Iterator[tuple[str, Callable[[], str]]]:
    """The checks of one API by name; each returns what it saw or raises."""
    client = Client(site.base_url, site.key)
    sdk = anthropic.Anthropic(
        base_url=site.base_url, api_key=site.key, max_retries=0, timeout=60, _strict_response_validation=True
    )
    route = route_name(api.dialect, api.text)

    def streamed() -> str:
        answer = client.post(message(route, "Say something.", max_tokens=40), timeout=60)
        stream = answer.stream()
        assert stream.text
        assert api.says in {"", stream.text}, stream.text
        assert stream.usage["output_tokens"] > 0 or not api.counts
        return f"{len(stream.blocks[0].deltas)} deltas, {stream.stop_reason}"

    def whole() -> str:
        asked: list[Any] = [{"role": "user", "content": "Say something."}]
        final = sdk.messages.create(model=route, max_tokens=40, messages=asked)
        return f"{final.usage.input_tokens} tokens in, {final.usage.output_tokens} out, {final.stop_reason}"

    def tools() -> str:
        tool_route = route_name(api.dialect, api.tools)
        asked: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
        limits: dict[str, Any] = {"model": tool_route, "max_tokens": 200, "tools": [TOOL]}
        with sdk.messages.stream(**limits, messages=asked, tool_choice=_FORCED) as stream:
            turn = stream.get_final_message()
        (call,) = [block for block in turn.content if block.type == "tool_use"]
        assert (call.name, turn.stop_reason) == ("get_weather", "tool_use")
        assert isinstance(call.input, dict)
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "Sunny."}
        history = [*asked, {"role": "assistant", "content": turn.content}, {"role": "user", "content": [result]}]
        final = sdk.messages.create(**limits, messages=history, tool_choice={"type": "none"})
        return f"called with {json.dumps(call.input)[:60]}, then {final.stop_reason}"

    def overflow() -> str:
        # llama-cpp-python 0.3.36 answers 200 to a stream and hangs up: then it is a 502, and never an empty answer.
        answer = client.post(message(route, "word " * 3000, max_tokens=10), timeout=60)
        assert answer.json["type"] == "error"
        assert answer.status in {400, 502}, answer.status
        return f"{answer.status} {answer.json['error']['message'][:60]}"

    yield "streamed text", streamed
    yield "text at once", whole
    if api.tools:
        yield "a tool and its result", tools
    if api.overflows:
        yield "a prompt that is too long", overflow

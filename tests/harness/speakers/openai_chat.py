"""OpenAI Chat Completions, the upstream's side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.harness.script import Reply, Step
from tests.harness.speakers.parts import Call, Part, Text, Thinking


def chat_chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **fields: Any) -> bytes:
    """One `data:` line of a chat.completion.chunk; `fields` go beside `choices`."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": choices}
    return b"data: " + json.dumps({**chunk, **fields}, ensure_ascii=False).encode() + b"\n\n"


def chat_text(text: str) -> bytes:
    """A chunk of answer text."""
    return chat_chunk({"content": text})


def chat_thinking(text: str) -> bytes:
    """A chunk of reasoning, in DeepSeek's field."""
    return chat_chunk({"reasoning_content": text})


def chat_tool(index: int, arguments: str, id: str | None = None, name: str | None = None) -> bytes:
    """A fragment of a tool call; the first one carries id and name."""
    call: dict[str, Any] = {"index": index, "function": {"arguments": arguments}}
    if id is not None:
        call |= {"id": id, "type": "function"}
        call["function"]["name"] = name
    return chat_chunk({"tool_calls": [call]})


def chat_end(finish: str = "stop", prompt: int = 30, output: int = 7, cached: int = 10, reasoning: int = 0) -> bytes:
    """Finish, usage in a chunk of its own, [DONE]. `prompt` includes `cached`, as OpenAI counts."""
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    return chat_chunk({}, finish) + chat_chunk(usage=usage) + b"data: [DONE]\n\n"


def chat_answer(text: str = "Hello there") -> Reply:
    """A whole short answer: 20 fresh and 10 cached tokens in, 7 out."""
    return Reply([chat_chunk({"role": "assistant", "content": ""}), chat_text(text), chat_end()])


def chat_reply(*steps: Step) -> Reply:
    """An answer of these steps."""
    return Reply(steps)


class ChatSpeaker:
    """Calls are told one after the other; thinking is in `reasoning_content`."""

    content_type = "text/event-stream"
    prefix = "/v1"
    counts = (20, 10, 7)

    def whole(self, parts: Sequence[Part], finish: str = "") -> list[bytes]:
        """A chunk for each piece."""
        sent = [chat_chunk({"role": "assistant", "content": ""})]
        calls = 0
        for part in parts:
            match part:
                case Thinking(text):
                    sent.append(chat_thinking(text))
                case Text(pieces):
                    sent += [chat_text(piece) for piece in pieces]
                case Call(name, pieces, id):
                    sent.append(chat_tool(calls, "", id=id or f"call_{calls}", name=name))
                    sent += [chat_tool(calls, piece) for piece in pieces]
                    calls += 1
        return [*sent, chat_end(finish or ("tool_calls" if calls else "stop"))]

    def opening(self, text: str) -> bytes:
        """The role, then text."""
        return chat_chunk({"role": "assistant", "content": ""}) + chat_text(text)

    def more(self, text: str) -> bytes:
        """A chunk."""
        return chat_text(text)

    def closing(self) -> bytes:
        """Finish, usage, [DONE]."""
        return chat_end()

    def failure(self, message: str) -> bytes:
        """An error in place of a chunk."""
        return b"data: " + json.dumps({"error": {"message": message, "code": 502}}).encode() + b"\n\n"

    def refusal(self, status: int, message: str, code: str) -> Any:
        """{"error": ...}."""
        return {"error": {"message": message, "type": code or "some_error", "code": code or None}}

    def overflow(self) -> tuple[str, str]:
        """OpenAI's words."""
        words = (
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 130001 tokens."
        )
        return words, "context_length_exceeded"

    def tool_names(self, body: Any) -> list[str]:
        """The functions."""
        return [tool["function"]["name"] for tool in body["tools"]]

    def results(self, body: Any) -> list[str]:
        """The messages of role tool."""
        return [json.dumps(entry["content"]) for entry in body["messages"] if entry["role"] == "tool"]

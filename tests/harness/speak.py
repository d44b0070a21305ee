"""What upstreams say, as bytes: OpenAI chat chunks and Claude events, made by hand and by no code of the gateway's."""

from __future__ import annotations

import json
from typing import Any

from tests.harness.script import Reply, Step


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


def claude_event(kind: str, **fields: Any) -> bytes:
    """One event of Claude's stream."""
    data = json.dumps({"type": kind, **fields}, ensure_ascii=False)
    return f"event: {kind}\ndata: {data}\n\n".encode()


def claude_start(input_tokens: int = 20, cache_read: int = 10, cache_write: int = 5, id: str = "msg_up") -> bytes:
    """message_start; the counts are disjoint, as Claude counts."""
    usage = {
        "input_tokens": input_tokens,
        "cache_read_input_tokens": cache_read,
        "cache_creation_input_tokens": cache_write,
        "output_tokens": 1,
    }
    message = {"id": id, "type": "message", "role": "assistant", "model": "claude-up", "content": []}
    return claude_event(
        "message_start", message={**message, "stop_reason": None, "stop_sequence": None, "usage": usage}
    )


def claude_block(index: int, block: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    """A whole content block with its deltas."""
    return b"".join(
        [
            claude_event("content_block_start", index=index, content_block=block),
            *(claude_event("content_block_delta", index=index, delta=delta) for delta in deltas),
            claude_event("content_block_stop", index=index),
        ]
    )


def claude_text(index: int, *texts: str) -> bytes:
    """A whole text block."""
    return claude_block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": t} for t in texts))


def claude_thinking(index: int, text: str, signature: str) -> bytes:
    """A whole thinking block."""
    return claude_block(
        index,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": text},
        {"type": "signature_delta", "signature": signature},
    )


def claude_tool(index: int, id: str, name: str, *fragments: str) -> bytes:
    """A whole tool_use block whose input comes in fragments."""
    return claude_block(
        index,
        {"type": "tool_use", "id": id, "name": name, "input": {}},
        *({"type": "input_json_delta", "partial_json": fragment} for fragment in fragments),
    )


def claude_end(stop_reason: str = "end_turn", output_tokens: int = 7) -> bytes:
    """message_delta and message_stop."""
    return claude_event(
        "message_delta",
        delta={"stop_reason": stop_reason, "stop_sequence": None},
        usage={"output_tokens": output_tokens},
    ) + claude_event("message_stop")


def claude_answer(text: str = "Hello there") -> Reply:
    """A whole short answer: 20 fresh, 10 cached and 5 written tokens in, 7 out."""
    return Reply([claude_start(), claude_text(0, text), claude_end()])


def answer(dialect: str, text: str = "Hello there") -> Reply:
    """A whole short answer in a dialect."""
    return chat_answer(text) if dialect == "openai_chat" else claude_answer(text)


def opening(dialect: str, text: str) -> bytes:
    """The beginning of an answer: a message_start and an open text with `text` in it."""
    if dialect == "openai_chat":
        return chat_chunk({"role": "assistant", "content": ""}) + chat_text(text)
    return (
        claude_start()
        + claude_event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        + more(dialect, text)
    )


def more(dialect: str, text: str) -> bytes:
    """More text of the answer that `opening` began."""
    if dialect == "openai_chat":
        return chat_text(text)
    return claude_event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


def closing(dialect: str) -> bytes:
    """The end of the answer that `opening` began."""
    return chat_end() if dialect == "openai_chat" else claude_event("content_block_stop", index=0) + claude_end()


def refusal(dialect: str, status: int, message: str, *, code: str = "", headers: dict[str, str] | None = None) -> Reply:
    """An HTTP error in a dialect's own shape."""
    body: dict[str, Any] = {"error": {"message": message, "type": code or "some_error", "code": code or None}}
    if dialect == "anthropic":
        body = {"type": "error", "error": {"type": code or "some_error", "message": message}}
    return Reply(
        [json.dumps(body).encode()], status=status, headers={"content-type": "application/json", **(headers or {})}
    )


def error_in_stream(dialect: str, message: str) -> bytes:
    """An error inside a stream that answered 200."""
    if dialect == "openai_chat":
        return b"data: " + json.dumps({"error": {"message": message, "code": 502}}).encode() + b"\n\n"
    return claude_event("error", error={"type": "overloaded_error", "message": message})

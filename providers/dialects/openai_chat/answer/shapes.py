"""The JSON of an answer: one chunk of a stream, or a complete answer, which has the same shape with `message`.

Decoding is strict and fast where servers follow the format, and lenient where one of them does not.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.framing.shapes import reader


class Function(msgspec.Struct, gc=False):
    """A fragment of a call. Some servers send the arguments as an object, at once."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class ToolCall(msgspec.Struct, gc=False):
    """A fragment of one call, or all of it."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Delta(msgspec.Struct, gc=False):
    """What a chunk adds. Mistral's content is a list, reasoning has four names."""

    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[Any] | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None
    images: Any = None
    audio: Any = None


class PromptDetails(msgspec.Struct, gc=False):
    """Parts of the prompt's count."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_creation_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class CompletionDetails(msgspec.Struct, gc=False):
    """Parts of the completion's count."""

    reasoning_tokens: int | None = None


class CostDetails(msgspec.Struct, gc=False):
    """What OpenRouter's upstream charges to a key of one's own, in dollars, as JSON text."""

    upstream_inference_cost: msgspec.Raw = msgspec.Raw(b"null")


class Usage(msgspec.Struct, gc=False):
    """Counts as the server sends them. `cost` is OpenRouter's price in dollars, as JSON text."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None
    prompt_cache_hit_tokens: int | None = None
    cached_tokens: int | None = None
    cost: msgspec.Raw = msgspec.Raw(b"null")
    is_byok: bool = False
    cost_details: CostDetails | None = None


class Choice(msgspec.Struct, gc=False):
    """One choice is asked for, which GitHub Copilot may send in several. vLLM has the stop string that it met in
    `stop_reason`, Moonshot its counts here, OpenRouter an error, completions that are no chat their `text`."""

    delta: Delta | None = None
    message: Delta | None = None
    text: str | None = None
    error: Any = None
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    stop_reason: str | int | None = None
    usage: Usage | None = None


class Groq(msgspec.Struct, gc=False):
    """Groq's own corner."""

    usage: Usage | None = None
    error: Any = None


class Chunk(msgspec.Struct, gc=False):
    """One chunk. The fields after `citations`, Perplexity's, are where the various servers put an error."""

    id: str | None = None
    model: str | None = None
    choices: list[Choice] | None = None
    usage: Usage | None = None
    x_groq: Groq | None = None
    service_tier: Any = None
    citations: Any = None
    object: Any = None
    error: Any = None
    message: Any = None
    detail: Any = None
    msg: Any = None


read_chunk = reader(Chunk)


def text_of_parts(parts: list[Any]) -> str:
    """The text of a content list."""
    return "".join(_text(part) for part in parts if isinstance(part, str) or _kind(part) in ("text", "output_text"))


def thinking_of_parts(parts: list[Any]) -> str:
    """The thinking in a content list or in reasoning_details; encrypted parts have no text."""
    pieces: list[str] = []
    for part in parts:
        kind = _kind(part)
        if kind == "thinking":
            inner = part.get("thinking")
            pieces += [inner] if isinstance(inner, str) else [_text(item) for item in inner or () if item]
        elif kind == "reasoning.text":
            pieces.append(_text(part))
        elif kind == "reasoning.summary":
            summary = part.get("summary")
            pieces.append(summary if isinstance(summary, str) else "")
    return "".join(pieces)


def _kind(part: Any) -> Any:
    return part.get("type") if isinstance(part, dict) else None


def _text(part: Any) -> str:
    text = part.get("text") if isinstance(part, dict) else part
    return text if isinstance(text, str) else ""

"""The JSON of an answer: one event of a stream, or a whole response, which its last event repeats.

https://platform.openai.com/docs/api-reference/responses-streaming. Only what is read is declared; decoding is
strict and fast where servers keep to the format, and lenient where one of them does not.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.framing.shapes import reader


class Part(msgspec.Struct, gc=False):
    """Text, a refusal, or a piece of reasoning."""

    type: str | None = None
    text: str | None = None
    refusal: str | None = None


class Item(msgspec.Struct, gc=False):
    """A message, a reasoning item, a function call, or something that the provider ran itself."""

    type: str | None = None
    id: str | None = None
    content: list[Part] | None = None
    phase: str | None = None
    summary: list[Part] | None = None
    encrypted_content: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class InputDetails(msgspec.Struct, gc=False):
    """Parts of the input's count."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class OutputDetails(msgspec.Struct, gc=False):
    """Parts of the output's count."""

    reasoning_tokens: int | None = None


class Usage(msgspec.Struct, gc=False):
    """Counts; the input's includes what was cached."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None


class Incomplete(msgspec.Struct, gc=False):
    """Why a response is not complete."""

    reason: str | None = None


class Response(msgspec.Struct, gc=False):
    """The response as it stands. `output_text` is no field of OpenAI's API but of its SDK, and of some servers."""

    id: str | None = None
    object: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[Item] | None = None
    output_text: str | None = None
    usage: Usage | None = None
    error: Any = None
    incomplete_details: Incomplete | None = None
    service_tier: str | None = None


class StreamEvent(msgspec.Struct, gc=False):
    """One event. The fields after `response` are where an error is told, or tell a response that stands alone."""

    type: str | None = None
    output_index: int | None = None
    item_id: str | None = None
    content_index: int | None = None
    summary_index: int | None = None
    delta: str | None = None
    text: str | None = None
    refusal: str | None = None
    arguments: str | dict[str, Any] | None = None
    part: Part | None = None
    item: Item | None = None
    response: Response | None = None
    usage: Usage | None = None
    object: str | None = None
    error: Any = None
    code: Any = None
    message: Any = None
    detail: Any = None


read_event = reader(StreamEvent)
read_response = reader(Response)

"""The JSON of an answer: one GenerateContentResponse, which is a complete answer or one chunk of a stream.

https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse. Names are spelled as they are there.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.framing.shapes import reader


class PartialArg(msgspec.Struct, rename="camel", gc=False):
    """One piece of a call's arguments: at `json_path`, one of the values. A null is a word or null."""

    json_path: str | None = None
    string_value: str | None = None
    number_value: int | float | None = None
    bool_value: bool | None = None
    null_value: Any = msgspec.UNSET
    will_continue: bool | None = None


class FunctionCall(msgspec.Struct, rename="camel", gc=False):
    """A complete call; or its beginning (with a name), its continuation (without) or its end (with nothing at all)."""

    id: str | None = None
    name: str | None = None
    args: dict[str, Any] | None = None
    partial_args: list[PartialArg] | None = None
    will_continue: bool | None = None


class Part(msgspec.Struct, rename="camel", gc=False):
    """Text, thinking or a call. Media and code that Google ran itself have no place in a Claude answer."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    inline_data: Any = None
    file_data: Any = None
    executable_code: Any = None
    code_execution_result: Any = None


class Content(msgspec.Struct, gc=False):
    """The content of this chunk."""

    parts: list[Part] | None = None


class Candidate(msgspec.Struct, rename="camel", gc=False):
    """The first candidate is the only one ever asked for."""

    content: Content | None = None
    finish_reason: str | None = None
    finish_message: str | None = None


class PromptFeedback(msgspec.Struct, rename="camel", gc=False):
    """Why there are no candidates."""

    block_reason: str | None = None
    block_reason_message: str | None = None


class UsageMetadata(msgspec.Struct, rename="camel", gc=False):
    """Counts so far; early chunks have the object without the counts. Vertex tells the tier as `traffic_type`."""

    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    service_tier: Any = None
    traffic_type: Any = None


class Chunk(msgspec.Struct, rename="camel", gc=False):
    """One chunk, or an error in its place."""

    candidates: list[Candidate] | None = None
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: UsageMetadata | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: Any = None


read_chunk = reader(Chunk)

"""Asking how many input tokens a request has, without an answer being made.

https://platform.openai.com/docs/api-reference/responses/input-tokens. OpenAI alone has it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.dialects.contract import Call, CountRequest
from providers.dialects.openai_responses.request import conversation, headers_of, is_openai
from providers.dialects.openai_responses.thinking import reasoning_fields
from providers.errors import ErrorKind, UpstreamError

_PATH = "/responses/input_tokens"


class _Answer(msgspec.Struct):
    input_tokens: int


def count_request(call: Call) -> CountRequest | None:
    """The same model, tools, instructions and input as the request itself would have; None for others than OpenAI."""
    if not is_openai(call.provider):
        return None
    fields: dict[str, Any] = {"model": call.model.name}
    reasoning = reasoning_fields(call).get("reasoning")
    if reasoning:
        fields["reasoning"] = reasoning
    fields |= conversation(call)
    headers = dict(headers_of(call)) | {"accept": "application/json"}
    return CountRequest(path=_PATH, headers=tuple(headers.items()), body=msgspec.json.encode(fields), read=_read)


def _read(answer: bytes) -> bytes:
    try:
        counted = msgspec.json.decode(answer, type=_Answer)
    except msgspec.DecodeError as error:
        raise UpstreamError(ErrorKind.MALFORMED, "The provider's answer holds no count of input tokens.") from error
    return msgspec.json.encode(counted)

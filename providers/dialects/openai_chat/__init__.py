"""OpenAI Chat Completions and the many servers that speak it."""

from __future__ import annotations

from collections.abc import Mapping

from providers.dialects.contract import Call, Decoder, UpstreamRequest
from providers.errors import UpstreamError


class OpenAIChatDialect:
    """POST {base_url}/chat/completions."""

    name = "openai_chat"
    label = "OpenAI Chat Completions"
    default_path = "/chat/completions"

    def request(self, call: Call) -> UpstreamRequest:
        raise NotImplementedError

    def count_request(self, call: Call) -> UpstreamRequest | None:
        return None

    def decoder(self, content_type: str, call: Call) -> Decoder:
        raise NotImplementedError

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        raise NotImplementedError

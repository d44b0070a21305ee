"""The Claude Messages API itself and servers that speak it."""

from __future__ import annotations

from collections.abc import Mapping

from providers.dialects.contract import Call, Decoder, UpstreamRequest
from providers.errors import UpstreamError


class AnthropicDialect:
    """POST {base_url}/v1/messages."""

    name = "anthropic"
    label = "Anthropic Messages"
    default_path = "/v1/messages"

    def request(self, call: Call) -> UpstreamRequest:
        raise NotImplementedError

    def count_request(self, call: Call) -> UpstreamRequest | None:
        return None

    def decoder(self, content_type: str, call: Call) -> Decoder:
        raise NotImplementedError

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        raise NotImplementedError

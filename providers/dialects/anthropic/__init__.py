"""The Claude Messages API itself and servers that speak it: hardly a word is changed on the way in or out.

https://docs.claude.com/en/api/messages
"""

from __future__ import annotations

from collections.abc import Mapping

from providers.config import ProviderConfig
from providers.dialects.anthropic import errors, request
from providers.dialects.anthropic.decoder import StreamDecoder
from providers.dialects.anthropic.json_body import WholeDecoder
from providers.dialects.contract import Call, CountRequest, Decoder, UpstreamRequest
from providers.errors import UpstreamError


class AnthropicDialect:
    """POST {base_url}/v1/messages; a base URL that ends in /v1 already gets /messages alone."""

    name = "anthropic"
    label = "Anthropic Messages"
    default_path = "/v1/messages"
    warms_cache = True
    verbatim = True

    def takes_urls(self, provider: ProviderConfig) -> bool:
        """Claude servers fetch media themselves; clouds that sell Claude do not."""
        return not provider.platform

    def request(self, call: Call) -> UpstreamRequest:
        """The request as the client sent it, but for model, stream, a too high max_tokens and foreign thinking."""
        return request.messages(call)

    def count_request(self, call: Call) -> CountRequest | None:
        """The same for count_tokens."""
        return request.count_tokens(call)

    def decoder(self, content_type: str, call: Call) -> Decoder:
        """A reader of server-sent events, or of one JSON document where the server answers with that."""
        return WholeDecoder(call.notes) if "json" in content_type.lower() else StreamDecoder(call.notes)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """What an error status means; the upstream's wording stays as it is."""
        return errors.of_response(status, headers, body)

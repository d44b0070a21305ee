"""Google's Gemini API, generateContent. https://ai.google.dev/api/generate-content

Media go inline: its fileData takes only its own Files API and YouTube.
"""

from __future__ import annotations

from collections.abc import Mapping

from providers.config import ProviderConfig
from providers.dialects.contract import Call, CountRequest, Decoder, UpstreamRequest
from providers.dialects.gemini.decoder import GeminiDecoder
from providers.dialects.gemini.request import PATH, count_request, generate_request
from providers.errors import UpstreamError
from providers.errors.response import response_error


class GeminiDialect:
    """POST {base_url}/models/{model}:streamGenerateContent?alt=sse; a base URL ends in a version such as /v1beta."""

    name = "gemini"
    label = "Google Gemini"
    default_path = PATH
    warms_cache = False
    verbatim = False

    def takes_urls(self, provider: ProviderConfig) -> bool:
        """Media are fetched before and sent inline."""
        return False

    def request(self, call: Call) -> UpstreamRequest:
        """A streaming generateContent; raises UnsupportedRequest."""
        return generate_request(call)

    def count_request(self, call: Call) -> CountRequest | None:
        """countTokens for the same prompt."""
        return count_request(call)

    def decoder(self, content_type: str, call: Call) -> Decoder:
        """A decoder that sees from the body whether it is a stream or JSON."""
        return GeminiDecoder(call)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """What a refusal means: google.rpc.Status, in an array or not."""
        return response_error(status, headers, body)

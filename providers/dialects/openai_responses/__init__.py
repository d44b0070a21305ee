"""OpenAI's Responses API and the servers that speak it (Azure OpenAI, OpenRouter, vLLM, LM Studio, …).

https://platform.openai.com/docs/api-reference/responses. Stateless: nothing is stored there, and what a model reasoned
travels with the conversation, encrypted.
"""

from __future__ import annotations

from collections.abc import Mapping

from providers.config import ProviderConfig
from providers.dialects.contract import Call, CountRequest, Decoder, UpstreamRequest
from providers.dialects.openai_responses.counting import count_request
from providers.dialects.openai_responses.decoder import ResponsesDecoder
from providers.dialects.openai_responses.request import PATH, responses_request
from providers.errors import UpstreamError
from providers.errors.response import response_error


class OpenAIResponsesDialect:
    """POST {base_url}/responses."""

    name = "openai_responses"
    label = "OpenAI Responses"
    default_path = PATH
    warms_cache = False
    verbatim = False

    def takes_urls(self, provider: ProviderConfig) -> bool:
        """Images and files may be given by their web address."""
        return True

    def request(self, call: Call) -> UpstreamRequest:
        """A streaming response; raises UnsupportedRequest."""
        return responses_request(call)

    def count_request(self, call: Call) -> CountRequest | None:
        """OpenAI counts what it would be sent; servers that do not answer with an error."""
        return count_request(call)

    def decoder(self, content_type: str, call: Call) -> Decoder:
        """A decoder that sees from the body whether it is a stream or one JSON document."""
        return ResponsesDecoder(call)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """What a refusal means."""
        return response_error(status, headers, body)

"""OpenAI Chat Completions and the many servers that speak it.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from collections.abc import Mapping

from providers.config import ProviderConfig
from providers.dialects.contract import Call, CountRequest, Decoder, UpstreamRequest
from providers.dialects.openai_chat.answers.decoder import ChatDecoder
from providers.dialects.openai_chat.profiles import profile_of
from providers.dialects.openai_chat.request import PATH, chat_request
from providers.errors import UpstreamError
from providers.errors.response import response_error


class OpenAIChatDialect:
    """POST {base_url}/chat/completions."""

    name = "openai_chat"
    label = "OpenAI Chat Completions"
    default_path = PATH
    warms_cache = False
    verbatim = False

    def takes_urls(self, provider: ProviderConfig) -> bool:
        """What the provider's profile says: most servers fetch images themselves."""
        return profile_of(provider).takes_urls

    def request(self, call: Call) -> UpstreamRequest:
        """A streaming chat completion; raises UnsupportedRequest."""
        return chat_request(call)

    def count_request(self, call: Call) -> CountRequest | None:
        """Nobody counts in this dialect."""
        return None

    def decoder(self, content_type: str, call: Call) -> Decoder:
        """A decoder that sees from the body whether it is a stream or one JSON document."""
        return ChatDecoder(call)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """What a refusal means."""
        return response_error(status, headers, body)

"""Ollama's own chat API, which knows what its OpenAI-compatible one does not: the window's size and thinking.

https://docs.ollama.com/api/chat
"""

from __future__ import annotations

from collections.abc import Mapping

from providers.config import ProviderConfig
from providers.dialects.contract import Call, CountRequest, Decoder, UpstreamRequest
from providers.dialects.ollama.decoder import OllamaDecoder
from providers.dialects.ollama.errors import refusal
from providers.dialects.ollama.request import PATH, chat_request
from providers.errors import UpstreamError


class OllamaDialect:
    """POST {base_url}/api/chat, newline-delimited JSON back."""

    name = "ollama"
    label = "Ollama"
    default_path = PATH
    warms_cache = False
    verbatim = False

    def takes_urls(self, provider: ProviderConfig) -> bool:
        """Images go along as base64 only."""
        return False

    def request(self, call: Call) -> UpstreamRequest:
        """A streaming chat request; raises UnsupportedRequest."""
        return chat_request(call)

    def count_request(self, call: Call) -> CountRequest | None:
        """Ollama counts nothing without answering."""
        return None

    def decoder(self, content_type: str, call: Call) -> Decoder:
        """A decoder of lines; a whole answer is one line."""
        return OllamaDecoder()

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """What a refusal means."""
        return refusal(status, headers, body)

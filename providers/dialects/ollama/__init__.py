"""Ollama's own chat API, which has what its OpenAI-compatible one has not: the window's size and thinking.

POST {base_url}/api/chat, newline-delimited JSON back. Images go along as base64 only. https://docs.ollama.com/api/chat
"""

from __future__ import annotations

from providers.dialects.contract import Dialect, counts_nothing
from providers.dialects.ollama.answer.decoder import OllamaDecoder
from providers.dialects.ollama.errors import response_error
from providers.dialects.ollama.request import chat_request
from providers.model_list import ModelList, bearer, listed_model

OLLAMA = Dialect(
    name="ollama",
    label="Ollama",
    request=chat_request,
    decoder=lambda content_type, call: OllamaDecoder(call),
    error=response_error,
    count_request=counts_nothing,
    # https://docs.ollama.com/api/tags
    list_models=ModelList("/api/tags", bearer, "models", lambda entry: listed_model(entry.get("name"))),
    takes_urls=lambda provider: False,
)

"""OpenAI Chat Completions and the many servers that speak it; most of them fetch images by address, as profiles say.

POST {base_url}/chat/completions. https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from providers.dialects.contract import Dialect, counts_nothing
from providers.dialects.openai_chat.answer.decoder import ChatDecoder
from providers.dialects.openai_chat.prefill import continues
from providers.dialects.openai_chat.profiles import profile_of
from providers.dialects.openai_chat.request import chat_request
from providers.errors.response import response_error
from providers.openai import MODEL_LIST

OPENAI_CHAT = Dialect(
    name="openai_chat",
    label="OpenAI Chat Completions",
    request=chat_request,
    decoder=lambda content_type, call: ChatDecoder(call),
    error=response_error,
    count_request=counts_nothing,
    list_models=MODEL_LIST,
    takes_urls=lambda provider: profile_of(provider).takes_urls,
    continues=continues,
)

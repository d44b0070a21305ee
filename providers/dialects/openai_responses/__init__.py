"""OpenAI's Responses API and the servers that speak it (Azure OpenAI, OpenRouter, vLLM, LM Studio, …).

POST {base_url}/responses. Stateless: nothing is stored there, and what a model reasoned travels with the conversation,
encrypted. https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

from providers.dialects.contract import Dialect
from providers.dialects.openai_responses.answer.decoder import ResponsesDecoder
from providers.dialects.openai_responses.request import count_request, responses_request
from providers.errors.response import response_error
from providers.openai import MODEL_LIST

OPENAI_RESPONSES = Dialect(
    name="openai_responses",
    label="OpenAI Responses",
    request=responses_request,
    decoder=lambda content_type, call: ResponsesDecoder(call),
    error=response_error,
    count_request=count_request,
    list_models=MODEL_LIST,
    takes_urls=lambda provider: True,
)

"""Google's Gemini API, generateContent. https://ai.google.dev/api/generate-content

POST {base_url}/models/{model}:streamGenerateContent?alt=sse; a base URL ends in a version such as /v1beta. Media go
inline: its fileData takes only its own Files API and YouTube.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.dialects.contract import Dialect
from providers.dialects.gemini.answer.decoder import GeminiDecoder
from providers.dialects.gemini.generation import continues
from providers.dialects.gemini.request import count_request, generate_request
from providers.errors.response import response_error
from providers.model_list import ListedModel, ModelList, listed_model


def _model(entry: Mapping[str, Any]) -> ListedModel | None:
    methods = entry.get("supportedGenerationMethods")
    if isinstance(methods, list) and "generateContent" not in methods:
        return None
    name = entry.get("name")
    short = name.removeprefix("models/") if isinstance(name, str) else None
    return listed_model(short, entry.get("inputTokenLimit"), entry.get("outputTokenLimit"))


GEMINI = Dialect(
    name="gemini",
    label="Google Gemini",
    request=generate_request,
    decoder=lambda content_type, call: GeminiDecoder(call),
    error=response_error,
    count_request=count_request,
    # https://ai.google.dev/api/models#method:-models.list
    list_models=ModelList("/models?pageSize=1000", lambda secret: {"x-goog-api-key": secret}, "models", _model),
    takes_urls=lambda provider: False,
    continues=continues,
)

"""The Claude Messages API itself and servers that speak it: hardly a word is changed on the way in or out.

POST {base_url}/v1/messages; a base URL that ends in /v1 already gets /messages alone. Claude servers fetch media by
address themselves; clouds that sell Claude do not. https://docs.claude.com/en/api/messages
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.claude.known_models import support_for
from providers.config import ModelConfig, ProviderConfig
from providers.dialects.anthropic.answer.body import BodyDecoder
from providers.dialects.anthropic.errors import response_error
from providers.dialects.anthropic.request import DEFAULT_VERSION, count_request, messages_request
from providers.dialects.contract import Dialect, has_prefill
from providers.model_list import ListedModel, ModelList, listed_model


def _continues(provider: ProviderConfig, model: ModelConfig) -> bool:
    """By the row's capability, but never a model that is known to refuse it."""
    support = support_for(model)
    return has_prefill(provider, model) and (support is None or support.prefill)


def _model(entry: Mapping[str, Any]) -> ListedModel | None:
    return listed_model(entry.get("id"), entry.get("max_input_tokens"), entry.get("max_tokens"))


ANTHROPIC = Dialect(
    name="anthropic",
    label="Anthropic Messages",
    request=messages_request,
    decoder=BodyDecoder,
    error=response_error,
    count_request=count_request,
    # https://docs.claude.com/en/api/models-list
    list_models=ModelList(
        "/v1/models?limit=1000",
        lambda secret: {"x-api-key": secret, "anthropic-version": DEFAULT_VERSION},
        "data",
        _model,
    ),
    takes_urls=lambda provider: not provider.platform,
    warms_cache=True,
    continues=_continues,
    verbatim=True,
)

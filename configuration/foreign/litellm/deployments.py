"""LiteLLM's model_list: each entry is a model at a server with a key of its own, offered under a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from configuration.foreign.conversion import Draft
from configuration.foreign.litellm.services import Target, target
from configuration.foreign.litellm.unsupported import PARAMS
from configuration.foreign.servers import Server, server_of
from configuration.foreign.values import dollars, items, mapping, number, whole, word

_BODY = ("temperature", "top_p", "top_k", "reasoning_effort", "thinking", "seed", "user", "service_tier")
"""Fields of the request that an entry may set; what the client sends counts more, there and here."""
_CLOUD = (
    *("aws_region_name", "aws_profile_name", "aws_role_name", "aws_access_key_id", "aws_secret_access_key"),
    *("aws_session_token", "vertex_project", "vertex_location", "vertex_credentials", "api_version"),
)
_SECRETS = frozenset({"aws_access_key_id", "aws_secret_access_key", "aws_session_token", "vertex_credentials"})
_LOOKED_AT = frozenset(
    {
        *("model", "api_base", "base_url", "api_key", "custom_llm_provider", "rpm", "tpm", "weight", "order"),
        *("timeout", "stream_timeout", "extra_headers", "headers", "extra_body", "organization"),
        *("litellm_credential_name", "input_cost_per_token", "output_cost_per_token", "max_retries", "drop_params"),
        *("cache_read_input_token_cost", "cache_creation_input_token_cost", "use_in_pass_through"),
        *(*_BODY, *_CLOUD),
    }
)
_PRICES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write_5m",
}
_CHAT = frozenset({"chat", "responses", "completion"})


class Deployment(msgspec.Struct):
    """One entry. `offered` is the name that clients ask for; times are seconds, prices US dollars per million."""

    place: str
    offered: str
    target: Target
    server: Server
    key: Any
    cloud: dict[str, str]
    headers: dict[str, str]
    body: dict[str, Any]
    info: dict[str, Any]
    prices: dict[str, Any]
    timeout: float = 0
    stream_timeout: float = 0
    rpm: int = 0
    tpm: int = 0
    weight: float = 0
    order: int = 0


def read(draft: Draft, value: Mapping[str, Any]) -> list[Deployment]:
    """The entries that can be carried over; the others are noted."""
    kept = {
        word(entry.get("credential_name")): mapping(entry.get("credential_values"))
        for entry in map(mapping, items(value.get("credential_list")))
    }
    found = []
    for index, entry in enumerate(items(value.get("model_list"))):
        place = f"model_list[{index}]"
        params = mapping(mapping(entry).get("litellm_params"))
        model = word(params.get("model"))
        if not model:
            draft.lose(place, "it names no model.")
            continue
        merged = {**kept.get(word(params.get("litellm_credential_name")), {}), **params}
        offered = "-".join(word(entry.get("model_name")).split()) or model
        deployment = _deployment(draft, place, offered, merged, mapping(entry.get("model_info")))
        if deployment is not None:
            found.append(deployment)
    return found


def _deployment(
    draft: Draft, place: str, offered: str, params: dict[str, Any], info: dict[str, Any]
) -> Deployment | None:
    mode = word(info.get("mode"))
    if mode and mode not in _CHAT:
        draft.lose(place, f"{offered}: {mode} is not served here, only conversations are.")
        return None
    model = draft.text(f"{place}.litellm_params.model", params["model"])
    given = params.get("api_base") or params.get("base_url")
    address = draft.text(f"{place}.litellm_params.api_base", given)
    if given and not address:
        return None
    aim = target(model, word(params.get("custom_llm_provider")), bool(address)) if model else None
    if aim is None:
        draft.lose(place, f"{offered}: nothing is known here of {model or params['model']}.")
        return None
    if "*" in offered or "*" in aim.model:
        draft.lose(place, f"{offered}: a route has one name; add models in the admin, and ask for provider:model.")
        return None
    cloud = {
        # Secrets stay as they are: of a variable the name counts, and nobody reads it here.
        name: str(params[name]) if name in _SECRETS else draft.text(f"{place}.litellm_params.{name}", params[name])
        for name in _CLOUD
        if params.get(name)
    }
    server = _server(draft, place, aim, address, cloud)
    if server is None:
        return None
    headers = draft.headers(
        f"{place}.litellm_params.extra_headers", params.get("extra_headers") or params.get("headers")
    )
    if isinstance(params.get("organization"), str):
        headers["openai-organization"] = params["organization"]
    draft.rest(f"{place}.litellm_params", params, _LOOKED_AT, PARAMS)
    return Deployment(
        place=place,
        offered=offered,
        target=aim,
        server=server,
        key=params.get("api_key"),
        cloud=cloud,
        headers=headers,
        body={**{name: params[name] for name in _BODY if name in params}, **mapping(params.get("extra_body"))},
        info=info,
        prices={
            ours: amount
            for theirs, ours in _PRICES.items()
            if (amount := dollars({**info, **params}.get(theirs), 1_000_000)) is not None
        },
        timeout=number(params.get("timeout")),
        stream_timeout=number(params.get("stream_timeout")),
        rpm=whole(params.get("rpm")),
        tpm=whole(params.get("tpm")),
        weight=number(params.get("weight")),
        order=whole(params.get("order")),
    )


def _server(draft: Draft, place: str, aim: Target, address: str, cloud: Mapping[str, str]) -> Server | None:
    service = aim.service
    if service.platform == "bedrock":
        region = cloud.get("aws_region_name", "")
        address = address or (f"https://bedrock-runtime.{region}.amazonaws.com" if region else "")
        if "anthropic" not in aim.model and "claude" not in aim.model:
            draft.lose(place, f"{aim.model}: of Bedrock's models, Claude's are the ones that are known here.")
            return None
    elif service.platform == "vertex":
        where = cloud.get("vertex_location") or "us-central1"
        host = "aiplatform.googleapis.com" if where == "global" else f"{where}-aiplatform.googleapis.com"
        address = address or f"https://{host}"
    address = address or service.address
    if not address:
        draft.lose(place, f"{aim.name}/{aim.model}: the file does not say its address (api_base, or a region).")
        return None
    try:
        return server_of(address, service.dialect)
    except ValueError:
        draft.lose(f"{place}.litellm_params.api_base", "this is no address.")
        return None

"""Reads LiteLLM's model_list: each entry is a model at a server with its own key, offered under a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from configuration.foreign.conversion import Conversion
from configuration.foreign.litellm.services import Target, target
from configuration.foreign.litellm.unsupported import PARAMS
from configuration.foreign.servers import Server, server_of
from configuration.foreign.values import dollars, items, mapping, number, stripped, whole_number

_BODY = ("temperature", "top_p", "top_k", "reasoning_effort", "thinking", "seed", "user", "service_tier")
"""Fields of the request that an entry may set; the client's own values win, in LiteLLM and here."""
_CLOUD = (
    *("aws_region_name", "aws_profile_name", "aws_role_name", "aws_access_key_id", "aws_secret_access_key"),
    *("aws_session_token", "vertex_project", "vertex_location", "vertex_credentials", "api_version"),
)
_SECRETS = frozenset({"aws_access_key_id", "aws_secret_access_key", "aws_session_token", "vertex_credentials"})
_READ = frozenset(
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


def read(conversion: Conversion, value: Mapping[str, Any]) -> list[Deployment]:
    """The entries that can be carried over; the others are noted."""
    shared = {
        stripped(entry.get("credential_name")): mapping(entry.get("credential_values"))
        for entry in map(mapping, items(value.get("credential_list")))
    }
    found = []
    for index, entry in enumerate(items(value.get("model_list"))):
        place = f"model_list[{index}]"
        params = mapping(mapping(entry).get("litellm_params"))
        model = stripped(params.get("model"))
        if not model:
            conversion.skip(place, "The entry names no model.")
            continue
        merged = {**shared.get(stripped(params.get("litellm_credential_name")), {}), **params}
        offered = "-".join(stripped(entry.get("model_name")).split()) or model
        deployment = _deployment(conversion, place, offered, merged, mapping(entry.get("model_info")))
        if deployment is not None:
            found.append(deployment)
    return found


def _deployment(
    conversion: Conversion, place: str, offered: str, params: dict[str, Any], info: dict[str, Any]
) -> Deployment | None:
    mode = stripped(info.get("mode"))
    if mode and mode not in _CHAT:
        conversion.skip(place, f"{offered}: Mode {mode} is not supported, only chat models are.")
        return None
    model = conversion.text(f"{place}.litellm_params.model", params["model"])
    given = params.get("api_base") or params.get("base_url")
    address = conversion.text(f"{place}.litellm_params.api_base", given)
    if given and not address:
        return None
    aim = target(model, stripped(params.get("custom_llm_provider")), bool(address)) if model else None
    if aim is None:
        conversion.skip(place, f"{offered}: The provider of {model or params['model']} is not known.")
        return None
    if "*" in offered or "*" in aim.model:
        conversion.skip(
            place,
            f"{offered}: Wildcards are not supported. Add models in the admin; clients can ask for provider:model.",
        )
        return None
    cloud = {
        # Secrets are not filled in: the name of their variable is what is carried over.
        name: str(params[name]) if name in _SECRETS else conversion.text(f"{place}.litellm_params.{name}", params[name])
        for name in _CLOUD
        if params.get(name)
    }
    server = _server(conversion, place, aim, address, cloud)
    if server is None:
        return None
    headers = conversion.headers(
        f"{place}.litellm_params.extra_headers", params.get("extra_headers") or params.get("headers")
    )
    if isinstance(params.get("organization"), str):
        headers["openai-organization"] = params["organization"]
    conversion.skip_unknown(f"{place}.litellm_params", params, _READ, PARAMS)
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
        rpm=whole_number(params.get("rpm")),
        tpm=whole_number(params.get("tpm")),
        weight=number(params.get("weight")),
        order=whole_number(params.get("order")),
    )


def _server(conversion: Conversion, place: str, aim: Target, address: str, cloud: Mapping[str, str]) -> Server | None:
    service = aim.service
    if service.platform == "bedrock":
        region = cloud.get("aws_region_name", "")
        address = address or (f"https://bedrock-runtime.{region}.amazonaws.com" if region else "")
        if "anthropic" not in aim.model and "claude" not in aim.model:
            conversion.skip(place, f"{aim.model}: Only Claude models are supported on Bedrock.")
            return None
    elif service.platform == "vertex":
        where = cloud.get("vertex_location") or "us-central1"
        host = "aiplatform.googleapis.com" if where == "global" else f"{where}-aiplatform.googleapis.com"
        address = address or f"https://{host}"
    address = address or service.address
    if not address:
        conversion.skip(place, f"{aim.name}/{aim.model}: The file has no address for it (api_base, or a region).")
        return None
    try:
        return server_of(address, service.dialect)
    except ValueError:
        conversion.skip(f"{place}.litellm_params.api_base", "This is not a valid address.")
        return None

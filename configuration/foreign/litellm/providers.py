"""Converts LiteLLM's entries to providers: one per server and set of keys, so that each key only serves its models."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from msgspec import UNSET

from configuration.file.schema import CredentialEntry, ModelEntry, PriceEntry, ProviderEntry
from configuration.file.secrets import holds_variable, variable_of
from configuration.foreign.conversion import Conversion
from configuration.foreign.litellm.deployments import Deployment
from configuration.foreign.servers import fitting_profile
from configuration.foreign.values import whole_number
from providers.config import CAPABILITIES
from providers.platforms import PLATFORMS

_SUPPORTS = {
    "supports_function_calling": "tools",
    "supports_vision": "images",
    "supports_pdf_input": "documents",
    "supports_reasoning": "thinking",
    "supports_response_schema": "structured_output",
    "supports_assistant_prefill": "prefill",
}
_OPTIONS = {
    "aws_profile_name": "profile",
    "aws_role_name": "role_arn",
    "vertex_project": "project",
    "api_version": "api_version",
}
_MINUTE = "rpm and tpm are limits of a credential, which serves several models here. Set them in the admin."


def read(conversion: Conversion, deployments: list[Deployment], timeout: float) -> dict[str, str]:
    """Adds providers and models. Returns `provider:model` by the place of each entry."""
    found: dict[str, str] = {}
    for group in _groups(deployments):
        first = group[0]
        service = first.target.service
        if service.platform and (why := _missing(service.platform)):
            for deployment in group:
                conversion.skip(deployment.place, f"{deployment.offered}: {why}")
            continue
        provider = _provider(conversion, first, timeout)
        provider.credentials = _credentials(conversion, group)
        if first.server.is_local:
            provider.credentials = [entry for entry in provider.credentials if entry.stored is not True]
        for deployment in group:
            model = conversion.model(provider, deployment.target.model)
            _describe(conversion, model, deployment)
            found[deployment.place] = f"{provider.name}:{model.name}"
    return found


def _groups(deployments: list[Deployment]) -> Iterable[list[Deployment]]:
    """The entries that can share a provider, in the order of the file."""
    keys: dict[Any, set[str]] = defaultdict(set)
    for deployment in deployments:
        keys[_where(deployment), deployment.target.model].add(_key(deployment))
    groups: dict[Any, list[Deployment]] = defaultdict(list)
    for deployment in deployments:
        where = _where(deployment)
        groups[where, frozenset(keys[where, deployment.target.model])].append(deployment)
    return groups.values()


def _where(deployment: Deployment) -> Any:
    cloud = tuple(sorted((name, value) for name, value in deployment.cloud.items() if name in _OPTIONS))
    times = (deployment.timeout, deployment.stream_timeout)
    headers = tuple(sorted(deployment.headers.items()))
    return deployment.target.name, deployment.server.dialect, deployment.server.base_url, cloud, headers, times


def _key(deployment: Deployment) -> str:
    cloud = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "vertex_credentials")
    return "\0".join([str(deployment.key or ""), *(deployment.cloud.get(name, "") for name in cloud)])


def _missing(name: str) -> str:
    platform = PLATFORMS.get(name)
    return f"The platform {name} is not supported." if platform is None else platform.missing()


def _provider(conversion: Conversion, first: Deployment, timeout: float) -> ProviderEntry:
    server, service = first.server, first.target.service
    name = conversion.free_name(first.target.name.replace("_", "-"))
    provider = ProviderEntry(name=name, dialect=server.dialect, base_url=server.base_url, credentials=[], models=[])
    if server.is_local:
        provider.is_local = True
    if service.profile and server.dialect == "openai_chat":
        provider.profile = fitting_profile(server.base_url, service.profile)
    if service.platform:
        provider.platform = service.platform
        provider.options = {ours: first.cloud[theirs] for theirs, ours in _OPTIONS.items() if first.cloud.get(theirs)}
    if first.headers:
        provider.headers = {**first.headers}
    if total := first.timeout or timeout:
        provider.total_timeout = total
    if first.stream_timeout:
        provider.first_event_timeout = first.stream_timeout
    conversion.configuration.providers.append(provider)
    return provider


def _credentials(conversion: Conversion, group: list[Deployment]) -> list[CredentialEntry]:
    """A credential for each key of the group, with the limits of the entry that it belongs to."""
    by_key: dict[str, list[Deployment]] = defaultdict(list)
    for deployment in group:
        by_key[_key(deployment)].append(deployment)
    found = []
    for number, same in enumerate(by_key.values()):
        first = same[0]
        credential = _credential(conversion, first, "default" if number == 0 else f"key {number + 1}")
        if credential is None:
            continue
        limited = [deployment for deployment in same if deployment.rpm or deployment.tpm]
        if limited and len({deployment.target.model for deployment in same}) > 1:
            conversion.skip(f"{limited[0].place}.litellm_params", _MINUTE)
        elif limited:
            if limited[0].rpm:
                credential.requests_per_minute = limited[0].rpm
            if limited[0].tpm:
                credential.tokens_per_minute = limited[0].tpm
        found.append(credential)
    return found


def _credential(conversion: Conversion, deployment: Deployment, name: str) -> CredentialEntry | None:
    place, cloud = f"{deployment.place}.litellm_params", deployment.cloud
    if "aws_access_key_id" in cloud or "aws_secret_access_key" in cloud:
        parts = [cloud.get(part, "") for part in ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")]
        if not all(parts[:2]) or any(map(holds_variable, parts)):
            conversion.skip(
                place, "AWS keys: Put ACCESS_KEY:SECRET_KEY into one variable and name it in the credential."
            )
            return CredentialEntry(name=name, stored=True)
        return CredentialEntry(name=name, secret=":".join(part for part in parts if part))
    if cloud.get("vertex_credentials"):
        if cloud["vertex_credentials"].lstrip().startswith("{") or variable_of(cloud["vertex_credentials"]):
            return CredentialEntry(name=name, secret=cloud["vertex_credentials"].strip())
        conversion.skip(
            f"{place}.vertex_credentials", "Paste the content of the file into the credential in the admin."
        )
        return CredentialEntry(name=name, stored=True)
    if deployment.key:
        return conversion.credential(f"{place}.api_key", deployment.key, name=name)
    variable = deployment.target.service.variable
    return CredentialEntry(name=name, variable=variable) if variable else None


def _describe(conversion: Conversion, model: ModelEntry, deployment: Deployment) -> None:
    info = deployment.info
    window, most = whole_number(info.get("max_input_tokens")), whole_number(info.get("max_output_tokens"))
    if window:
        model.context_window = window
    if most and most <= (window or most):
        model.max_output = most
    cannot = {ours for theirs, ours in _SUPPORTS.items() if info.get(theirs) is False}
    if cannot:
        # A model with a list of capabilities has no others, so what the file does not deny is listed.
        model.capabilities = [name for name in CAPABILITIES if name not in cannot]
    if deployment.prices:
        model.prices = [PriceEntry(**deployment.prices)]
    if deployment.body:
        transforms = [{"name": "customparams", "options": {"params": deployment.body}}]
        if model.transforms is not UNSET and model.transforms != transforms:
            conversion.skip(f"{deployment.place}.litellm_params", f"{model.name} already has other parameters.")
        else:
            model.transforms = transforms

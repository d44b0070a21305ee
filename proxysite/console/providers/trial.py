"""Tests a provider with what stands in the form of a new one. Nothing is stored, and no secret comes back."""

from __future__ import annotations

from typing import Any

import msgspec
from asgiref.sync import async_to_sync
from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from access.audit import record
from providers.admin.credentials import CredentialInline
from providers.config import ProviderConfig
from providers.credentials.binding import destination_of
from providers.models import Credential, Provider
from providers.outbound.model_lists import NoModelList, model_list
from providers.validation import PRIVATE
from routing.loading import BrokenConfiguration
from routing.loading.load import provider_config
from streaming.probe import ProbeResult, probe_unsaved

_PREFIX = "credentials"


class _NotUsable(Exception):
    """What was entered allows no request; `problems` say why. `is_private`: with “local” the address may be called."""

    def __init__(self, *problems: str, is_private: bool = False) -> None:
        super().__init__(*problems)
        self.problems = problems
        self.is_private = is_private


@sensitive_post_parameters()
@require_POST
@permission_required(["providers.add_provider", "providers.use_credential"], raise_exception=True)
def trial(request: HttpRequest) -> HttpResponse:
    """Returns a part of a page: what is wrong with the form, the provider's models, or its answer."""
    try:
        provider, credentials = _entered(request)
        config = _configuration(provider, credentials)
        context = _asked(provider, config, request.POST.get("trial_model", "").strip()[:160])
    except _NotUsable as error:
        context = {"problems": error.problems, "is_private": error.is_private}
    return TemplateResponse(request, "console/provider_trial.html", context)


def _entered(request: HttpRequest) -> tuple[Provider, list[Credential]]:
    """The provider and its credentials, checked as those that are saved, and not saved. Raises _NotUsable."""
    page = admin.site.get_model_admin(Provider)
    form: Any = page.get_form(request)(request.POST)
    problems = _problems(form)
    provider: Provider = form.instance
    # The key of the first page is used first, as once it is saved.
    credentials = [form.credential] if form.credential is not None else []
    inline = CredentialInline(Provider, admin.site)
    if inline.has_add_permission(request, None) and f"{_PREFIX}-TOTAL_FORMS" in request.POST:
        formset = inline.get_formset(request)(data=request.POST, instance=provider, prefix=_PREFIX)
        formset.is_valid()
        problems += [problem for row in formset.forms for problem in _problems(row)]
        problems += map(str, formset.non_form_errors())
        credentials += [row.instance for row in formset.forms if row.has_changed() and row not in formset.deleted_forms]
    if problems:
        raise _NotUsable(*problems, is_private=form.has_error("base_url", PRIVATE))
    return provider, credentials


def _problems(form: Any) -> list[str]:
    return [
        f"{form[name].label}: {error}" if name in form.fields else str(error)
        for name, errors in form.errors.items()
        for error in errors
    ]


def _configuration(provider: Provider, credentials: list[Credential]) -> ProviderConfig:
    """The provider as requests would use it once it is saved. Raises _NotUsable."""
    address = destination_of(provider)
    for credential in credentials:
        credential.provider, credential.bound_to = provider, address
    enabled = sorted((one for one in credentials if one.enabled), key=lambda one: one.position)
    try:
        config = provider_config(provider, enabled, needs_secret=bool(credentials))
    except BrokenConfiguration as error:
        raise _NotUsable(str(error)) from error
    # The first is used first.
    return msgspec.structs.replace(config, credentials=config.credentials[:1])


def _asked(provider: Provider, config: ProviderConfig, model: str) -> dict[str, Any]:
    changes = {"address": provider.base_url, **({"model": model} if model else {})}
    if config.refusal:
        raise _NotUsable(f"The provider is not called: {config.refusal}.")
    record("provider tested", None, changes, name=f"{provider.name} (not saved)")
    if model:
        return {"result": _without_secrets(async_to_sync(probe_unsaved)(config, model), config)}
    try:
        return {"models": async_to_sync(model_list)(config)}
    except NoModelList as error:
        return {"result": ProbeResult(ok=False, latency_ms=0, error=str(error), advice=error.advice)}


def _without_secrets(result: ProbeResult, config: ProviderConfig) -> ProbeResult:
    """A server may repeat what it was sent."""
    text = result.text
    for credential in config.credentials:
        text = text.replace(credential.secret.reveal(), "…")
    return msgspec.structs.replace(result, text=text)

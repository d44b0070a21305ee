"""The list of models that a provider says it has: what is missing here can be added with a tick."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from providers.config import ProviderConfig
from providers.model_list import ListedModel
from providers.models import Model, Provider
from providers.outbound.model_lists import NoModelList, model_list
from providers.pricing.library import listed
from providers.pricing.prices import Price
from routing.loading import load, revision


class _NotUsable(Exception):
    """The provider cannot be asked as things stand."""


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(["providers.change_provider", "providers.add_model"], raise_exception=True)
def page(request: HttpRequest, provider_id: int) -> HttpResponse:
    """The list, asked for anew each time; a POST adds what is ticked."""
    provider = get_object_or_404(Provider, pk=provider_id)
    models: list[ListedModel] = []
    error = ""
    try:
        models = async_to_sync(model_list)(_configuration(provider))
    except (NoModelList, _NotUsable) as problem:
        error = str(problem)
    if request.method == "POST" and not error:
        wanted = set(request.POST.getlist("name"))
        added = _add(provider, [model for model in models if model.name in wanted])
        messages.success(request, f"{added} models were added." if added != 1 else "One model was added.")
        return HttpResponseRedirect(reverse("admin:providers_provider_change", args=[provider.pk]))
    here = set(provider.models.values_list("name", flat=True))
    context = {
        **admin.site.each_context(request),
        "title": f"Models of {provider.name}",
        "provider": provider,
        "error": error,
        "models": sorted(models, key=lambda model: model.name.lower()),
        "here": here,
        "addable": any(model.name not in here for model in models),
    }
    return TemplateResponse(request, "console/provider_models.html", context)


def _configuration(provider: Provider) -> ProviderConfig:
    """The provider as requests would use it. Raises _NotUsable."""
    try:
        found = load.load_snapshot(revision.numbers(), keys={}).providers.get(provider.pk)
    except load.BrokenConfiguration as error:
        raise _NotUsable(f"{error} Correct it and come back.") from error
    if found is None:
        raise _NotUsable("The provider is switched off: switch it on, save, and come back.")
    return found


def _add(provider: Provider, wanted: list[ListedModel]) -> int:
    """Make the models that are not there yet, with their limits and the price library's prices."""
    now = timezone.now()
    added = 0
    with transaction.atomic():
        for model in wanted:
            fields: dict[str, Any] = {"context_window": model.context_window, "max_output": model.max_output}
            row, made = Model.objects.get_or_create(provider=provider, name=model.name, defaults=fields)
            if not made:
                continue
            added += 1
            known = listed(provider.name, provider.base_url, model.name, now)
            amounts: dict[str, Decimal] = known.amounts if known is not None else {}
            if amounts:
                Price.objects.create(model=row, **amounts)
    return added

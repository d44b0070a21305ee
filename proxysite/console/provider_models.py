"""The page that lists a provider's models and adds the selected ones."""

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
from providers.pricing.price_list import listed_price
from providers.pricing.prices import Price
from routing.loading import load, revision


class _NotUsable(Exception):
    """The provider's configuration does not allow a request now."""


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(["providers.change_provider", "providers.add_model"], raise_exception=True)
def page(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Fetches and shows the list; a POST adds the selected models."""
    provider = get_object_or_404(Provider, pk=provider_id)
    models: list[ListedModel] = []
    error = ""
    try:
        models = async_to_sync(model_list)(_configuration(provider))
    except (NoModelList, _NotUsable) as problem:
        error = str(problem)
    if request.method == "POST" and not error:
        selected = set(request.POST.getlist("name"))
        added = _add(provider, [model for model in models if model.name in selected])
        messages.success(request, f"Added {added} models." if added != 1 else "Added one model.")
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
        raise _NotUsable(f"{error} Correct it and try again.") from error
    if found is None:
        raise _NotUsable("The provider is disabled. Enable it, save it, and try again.")
    return found


def _add(provider: Provider, selected: list[ListedModel]) -> int:
    """Creates the models that do not exist yet, with limits and known prices. Returns their number."""
    now = timezone.now()
    added = 0
    with transaction.atomic():
        for model in selected:
            fields: dict[str, Any] = {"context_window": model.context_window, "max_output": model.max_output}
            row, created = Model.objects.get_or_create(provider=provider, name=model.name, defaults=fields)
            if not created:
                continue
            added += 1
            known = listed_price(provider.name, provider.base_url, model.name, now)
            amounts: dict[str, Decimal] = known.amounts if known is not None else {}
            if amounts:
                Price.objects.create(model=row, **amounts)
    return added

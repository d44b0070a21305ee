"""The models that a provider lists, as its page shows them, and their rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone

from access import audit
from providers.model_list import ListedModel
from providers.models import Model, Provider
from providers.pricing.price_list import listed_price
from providers.pricing.prices import Price

_MOST_PRICED = 1000
"""Models whose prices are looked up for one page."""


class ListedRow(msgspec.Struct, frozen=True):
    """A listed model on the page. Prices are US dollars per million tokens, of the provider or of the price library."""

    name: str
    context_window: int | None
    max_output: int | None
    can: str
    input: Decimal | None
    output: Decimal | None
    is_here: bool
    is_ticked: bool


def rows(provider: Provider, models: Iterable[ListedModel], ticked: Collection[str]) -> list[ListedRow]:
    """Returns the models by name."""
    here = set(provider.models.values_list("name", flat=True))
    ordered = sorted(models, key=lambda model: model.name.lower())
    return [_row(provider, model, here, ticked, at < _MOST_PRICED) for at, model in enumerate(ordered)]


def _row(
    provider: Provider, model: ListedModel, here: Collection[str], ticked: Collection[str], is_priced: bool
) -> ListedRow:
    amounts = _amounts(provider, model, timezone.now())[0] if is_priced else model.amounts
    return ListedRow(
        name=model.name,
        context_window=model.context_window,
        max_output=model.max_output,
        can=", ".join(model.capabilities).replace("_", " "),
        input=amounts.get("input"),
        output=amounts.get("output"),
        is_here=model.name in here,
        is_ticked=model.name in ticked,
    )


def add(provider: Provider, selected: Iterable[ListedModel]) -> tuple[int, list[Model]]:
    """Creates the models that do not exist yet, with limits, capabilities and known prices. Returns how many these are,
    and all of the selected ones."""
    now = timezone.now()
    added, found = 0, []
    with transaction.atomic():
        audit.lock()
        for model in selected:
            fields: dict[str, Any] = {
                "context_window": model.context_window,
                "max_output": model.max_output,
                "capabilities": list(model.capabilities),
            }
            row, created = Model.objects.get_or_create(provider=provider, name=model.name, defaults=fields)
            found.append(row)
            if not created:
                continue
            added += 1
            amounts, source = _amounts(provider, model, now)
            if amounts:
                Price.objects.create(model=row, source=source, **amounts)
    return added, found


def _amounts(provider: Provider, model: ListedModel, moment: datetime) -> tuple[dict[str, Decimal], str]:
    """What a model costs and who says so: the provider itself, or else the price library."""
    if model.amounts:
        return model.amounts, Price.Source.PROVIDER
    known = listed_price(provider.name, provider.base_url, model.name, moment)
    return ({} if known is None else known.amounts), Price.Source.LIBRARY

"""Compares the prices in force with the public price list, and applies the differences.

A change ends the old prices and begins new ones at the same moment; past prices are never altered.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec
from django.db import transaction
from django.db.models import QuerySet

from providers.models import Model
from providers.pricing.price_list import listed_price
from providers.pricing.prices import Price


class Change(msgspec.Struct, frozen=True):
    """A model whose prices differ from the list's. `kinds` holds (own, listed) in US dollars by field of Price."""

    model: Model
    kinds: dict[str, tuple[Decimal | None, Decimal]]


class Comparison(msgspec.Struct):
    """All models compared with the list; `not_applied` holds (model, why its price was not applied)."""

    changes: list[Change]
    not_applied: list[tuple[Model, str]]
    unknown: list[Model]
    same: list[Model]


def compare(models: QuerySet[Model], moment: datetime) -> Comparison:
    """Compares the prices of `models` in force at `moment` with the list. Skips demo providers."""
    found = Comparison([], [], [], [])
    chosen = models.filter(provider__is_demo=False).select_related("provider").order_by("provider__name", "name")
    prices = {price.model_id: price for price in Price.objects.in_force(moment).filter(model__in=chosen.order_by())}
    for model in chosen:
        known = listed_price(model.provider.name, model.provider.base_url, model.name, moment)
        if known is None:
            found.unknown.append(model)
            continue
        if known.not_applied:
            found.not_applied.append((model, known.not_applied))
            continue
        price = prices.get(model.pk)
        here = price.amounts() if price is not None else dict.fromkeys(known.amounts)
        kinds = {kind: (here[kind], amount) for kind, amount in known.amounts.items() if here[kind] != amount}
        if kinds:
            found.changes.append(Change(model, kinds))
        else:
            found.same.append(model)
    return found


def apply(change: Change, moment: datetime) -> Price:
    """Ends the prices in force at `moment` and begins the listed ones; kinds that the list does not have stay
    unchanged, and so do future prices."""
    with transaction.atomic():
        Model.objects.select_for_update().get(pk=change.model.pk)
        later = change.model.prices.filter(valid_from__gt=moment).order_by("valid_from").first()
        new = Price(model=change.model, valid_until=later.valid_from if later is not None else None)
        old = change.model.prices.in_force(moment).first()
        if old is not None:
            for kind, amount in old.amounts().items():
                setattr(new, kind, amount)
            new.valid_until = old.valid_until or new.valid_until
            old.valid_until = moment
            old.save(update_fields=["valid_until"])
        for kind, (_, amount) in change.kinds.items():
            setattr(new, kind, amount)
        # The first prices of a model have no beginning, so that repricing can use them for earlier requests.
        new.valid_from = moment if change.model.prices.exists() else None
        new.full_clean()
        new.save()
    return new

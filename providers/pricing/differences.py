"""How the prices of models differ from the price library's, and the application of chosen differences."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

import msgspec
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from access import audit
from providers.models import Model
from providers.pricing.changes import change_each
from providers.pricing.price_list import listed_price
from providers.pricing.prices import Price


class Change(msgspec.Struct, frozen=True):
    """A model whose prices differ from the library's.

    `kinds` holds (own, listed) in US dollars by field of Price, of those that differ; `price` is the one in force.
    """

    model: Model
    kinds: dict[str, tuple[Decimal | None, Decimal]]
    price: Price | None = None

    @property
    def key(self) -> str:
        """Names this very difference: a later one of the same model has another key."""
        text = ";".join(f"{kind}:{here}:{there}" for kind, (here, there) in self.kinds.items())
        return f"{self.model.pk}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


class Comparison(msgspec.Struct):
    """Models compared with the library.

    `not_applied` holds (model, why its price was not applied). `gone` are those of `unknown` whose price in force came
    from the library, which has it no more.
    """

    changes: list[Change]
    not_applied: list[tuple[Model, str]]
    unknown: list[Model]
    same: list[Model]
    gone: list[Model]


def compare(models: QuerySet[Model], moment: datetime) -> Comparison:
    """Compares the prices of `models` in force at `moment` with the library. Skips demo providers."""
    found = Comparison([], [], [], [], [])
    chosen = models.filter(provider__is_demo=False).select_related("provider").order_by("provider__name", "name")
    prices = {price.model_id: price for price in Price.objects.in_force(moment).filter(model__in=chosen.order_by())}
    for model in chosen:
        price = prices.get(model.pk)
        known = listed_price(model.provider.name, model.provider.base_url, model.name, moment)
        if known is None:
            found.unknown.append(model)
            if price is not None and price.source == Price.Source.LIBRARY:
                found.gone.append(model)
            continue
        if known.not_applied:
            found.not_applied.append((model, known.not_applied))
            continue
        here = price.amounts() if price is not None else dict.fromkeys(known.amounts)
        kinds = {kind: (here[kind], amount) for kind, amount in known.amounts.items() if here[kind] != amount}
        if kinds:
            found.changes.append(Change(model, kinds, price))
        else:
            found.same.append(model)
    return found


def apply(models: QuerySet[Model], keys: Collection[str] | None = None) -> Comparison:
    """Compares again, and lets the library's prices hold from now on; returns what was applied as `changes`.

    `keys` are those of the differences to apply, whose models alone are compared; None for all. Kinds that the library
    does not have stay as they are, and so do prices that begin later.
    """
    if keys is not None:
        models = models.filter(pk__in=_models_of(keys))
    with transaction.atomic():
        # Nobody else changes prices between the comparison and the writes.
        audit.lock()
        found = compare(models, timezone.now())
        if keys is not None:
            found.changes = [change for change in found.changes if change.key in keys]
        wanted = {
            change.model.pk: {kind: listed for kind, (_, listed) in change.kinds.items()} for change in found.changes
        }
        change_each(wanted, Price.Source.LIBRARY)
    return found


def _models_of(keys: Collection[str]) -> set[int]:
    numbers = (key.partition("-")[0] for key in keys)
    return {int(number) for number in numbers if number.isdecimal() and len(number) < 19}

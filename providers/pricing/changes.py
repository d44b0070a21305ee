"""Changes of the prices of many models at once, from now on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from access import audit
from providers.pricing.prices import Price

Amounts = Mapping[str, Decimal | None]
"""US dollars by field of Price; None is unknown. A field that is not named stays as it is."""


def change_prices(models: Collection[int], amounts: Amounts) -> int:
    """Lets the same amounts, typed by hand, hold for models by their ids: see `change_each`."""
    return change_each(dict.fromkeys(models, amounts), Price.Source.HAND)


def change_each(wanted: Mapping[int, Amounts], source: Price.Source) -> int:
    """Lets the amounts of each model, by its id, hold from now on; returns how many of them had others.

    Prices in force end now, and their successors end when those would have, or when prices begin that are entered
    already. The first ones of a model have no beginning, so that earlier requests can be priced with them.
    """
    with transaction.atomic():
        audit.lock()
        now = timezone.now()
        stored = Price.objects.filter(model__in=wanted)
        in_force = {price.model_id: price for price in stored.in_force(now)}
        priced = set(stored.values_list("model_id", flat=True))
        following = dict(
            stored.filter(valid_from__gt=now).order_by().values_list("model_id").annotate(first=Min("valid_from"))
        )
        ended, begun = [], []
        for model, amounts in wanted.items():
            old = in_force.get(model)
            before = Price().amounts() if old is None else old.amounts()
            after = {**before, **amounts}
            if after == before:
                continue
            begin = now if model in priced else None
            end = following.get(model) if old is None else old.valid_until
            ended += [] if old is None else [old.pk]
            begun.append(Price(model_id=model, valid_from=begin, valid_until=end, source=source, set_at=now, **after))
        _replace(ended, begun, now)
    return len(begun)


def _replace(ended: list[int], begun: list[Price], now: datetime) -> None:
    if ended:
        Price.objects.filter(pk__in=ended).end(now)
    # Prices that are unknown in every kind are none.
    known = [price for price in begun if any(amount is not None for amount in price.amounts().values())]
    if known:
        Price.objects.bulk_create(known)

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


def change_prices(models: Collection[int], amounts: Mapping[str, Decimal | None]) -> int:
    """Lets `amounts` hold for models, by their ids, from now on; returns how many of them had others.

    `amounts` are US dollars by field of Price, and None is unknown; what it does not name stays. Prices in force end
    now, and their successors end when those would have, or when prices begin that are entered already. The first ones
    of a model have no beginning.
    """
    with transaction.atomic():
        audit.lock()
        now = timezone.now()
        stored = Price.objects.filter(model__in=models)
        in_force = {price.model_id: price for price in stored.in_force(now)}
        priced = set(stored.values_list("model_id", flat=True))
        following = dict(
            stored.filter(valid_from__gt=now).order_by().values_list("model_id").annotate(first=Min("valid_from"))
        )
        ended, begun = [], []
        for model in models:
            old = in_force.get(model)
            before = Price().amounts() if old is None else old.amounts()
            after = {**before, **amounts}
            if after == before:
                continue
            begin = now if model in priced else None
            end = following.get(model) if old is None else old.valid_until
            ended += [] if old is None else [old.pk]
            begun.append(Price(model_id=model, valid_from=begin, valid_until=end, **after))
        _replace(ended, begun, now)
    return len(begun)


def _replace(ended: list[int], begun: list[Price], now: datetime) -> None:
    if ended:
        Price.objects.filter(pk__in=ended).end(now)
    # Prices that are unknown in every kind are none.
    known = [price for price in begun if any(amount is not None for amount in price.amounts().values())]
    if known:
        Price.objects.bulk_create(known)

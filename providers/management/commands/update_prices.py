"""`./gateway update_prices`: how the public price list differs from the prices here; --apply writes it.

A change ends the old prices and begins new ones at the same moment; past prices are never altered.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from access import audit
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


class Command(BaseCommand):
    """Compares; writes only with --apply, and then as new prices from this moment on."""

    help = "Compare the prices of models with a maintained list of public prices (genai-prices, as installed)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--apply", action="store_true", help="write the differences as new prices from now on")
        parser.add_argument("--provider", help="only models of the provider with this name")
        parser.add_argument("--model", help="only models with this name")

    def handle(self, *args: Any, **options: Any) -> None:
        models = Model.objects.all()
        if options["provider"]:
            models = models.filter(provider__name=options["provider"])
        if options["model"]:
            models = models.filter(name=options["model"])
        found = _applied(models) if options["apply"] else compare(models, timezone.now())
        # Nothing is locked here: whoever reads this may be slow.
        for change in found.changes:
            self.stdout.write(_text(change))
        for model, why in found.not_applied:
            self.stdout.write(f"{model}\n  not applied: {why}; enter a price yourself if one figure is enough")
        changed = f"{len(found.changes)} {'updated' if options['apply'] else 'to update'}"
        rest = (
            f"{len(found.same)} as listed, {len(found.not_applied)} not applied, {len(found.unknown)} not in the list"
        )
        self.stdout.write(f"{changed}, {rest}.")
        if found.changes and not options["apply"]:
            self.stdout.write("Nothing was written. To apply the changes, run it again with --apply.")


def _text(change: Change) -> str:
    lines = [str(change.model)]
    lines += [f"  {kind:15} {_dollars(here):>12} -> {_dollars(there)}" for kind, (here, there) in change.kinds.items()]
    return "\n".join(lines)


def _dollars(amount: Decimal | None) -> str:
    return "none" if amount is None else f"{amount.normalize():f}"


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


def _applied(models: QuerySet[Model]) -> Comparison:
    """Compares, and writes the differences as prices from this moment on."""
    with transaction.atomic():
        # Nobody else changes prices between the comparison and the writes.
        audit.lock()
        moment = timezone.now()
        found = compare(models, moment)
        for change in found.changes:
            _apply(change, moment)
    return found


def _apply(change: Change, moment: datetime) -> None:
    """Ends the prices in force at `moment` and begins the listed ones; kinds that the list does not have stay
    unchanged, and so do future prices."""
    prices = change.model.prices
    later = prices.filter(valid_from__gt=moment).order_by("valid_from").first()
    new = Price(model=change.model, valid_until=later.valid_from if later is not None else None)
    old = prices.in_force(moment).first()
    if old is not None:
        for kind, amount in old.amounts().items():
            setattr(new, kind, amount)
        new.valid_until = old.valid_until or new.valid_until
    # The first prices of a model have no beginning, so that repricing can use them for earlier requests.
    new.valid_from = moment if prices.exists() else None
    prices.end(moment)
    for kind, (_, amount) in change.kinds.items():
        setattr(new, kind, amount)
    new.full_clean()
    new.save()

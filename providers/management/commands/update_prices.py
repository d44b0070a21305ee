"""`./gateway update_prices`: how the public price list differs from the prices here; --apply writes it.

A change ends the old prices and begins new ones at the same moment; past prices are never altered.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from providers.models import Model
from providers.pricing.differences import Change, apply, compare


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
        found = apply(models) if options["apply"] else compare(models, timezone.now())
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

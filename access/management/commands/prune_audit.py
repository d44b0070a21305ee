"""`./gateway prune_audit --keep 24`: removes audit entries of past months. Nothing else removes any."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from access.audit.pruning import prune

_MOST = 1200
"""A hundred years."""


class Command(BaseCommand):
    """Writes an entry about what it removed; the chain of the others begins there."""

    help = "Remove the audit entries of old months. What stays can still be checked with `audit --verify`."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--keep",
            type=int,
            required=True,
            metavar="MONTHS",
            help="how many complete months to keep, besides the current one",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        keep = options["keep"]
        if not 1 <= keep <= _MOST:
            raise CommandError(f"--keep: keep between 1 and {_MOST:,} months.")
        today = timezone.localtime()
        months = today.year * 12 + today.month - 1 - keep
        first = today.replace(
            year=months // 12, month=months % 12 + 1, day=1, hour=0, minute=0, second=0, microsecond=0
        )
        number = prune(first)
        self.stdout.write(f"removed: {number:,} entries from before {first:%Y-%m-%d}")

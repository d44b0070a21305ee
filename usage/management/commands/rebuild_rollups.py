"""`manage.py rebuild_rollups`: makes the rollups anew from the rows, or with --check only says where the two differ."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from usage.rollups import rebuild

SHOWN = 50


class Command(BaseCommand):
    help = (
        "Compares the rollups (quarter hours, days, sessions) with the usage rows and puts right what differs. It may "
        "run while the gateway does, but not together with prune_usage."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The days and --check."""
        parser.add_argument("--from", dest="first", type=date.fromisoformat, help="First day, such as 2026-03-01.")
        parser.add_argument("--to", dest="last", type=date.fromisoformat, help="Last day, itself included.")
        parser.add_argument("--check", action="store_true", help="Change nothing; exit with 1 if anything differs.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show the first differences and count the rest."""
        first, last, check = options["first"], options["last"], options["check"]
        if first and last and last < first:
            raise CommandError("--to is before --from.")
        found = 0
        for difference in rebuild.rebuild(first, last, check=check):
            found += 1
            if found <= SHOWN:
                self.stdout.write(str(difference))
        if found > SHOWN:
            self.stdout.write(f"… and {found - SHOWN} more")
        if check and found:
            raise CommandError(
                f"{found} rollups are not what the rows say; rebuild_rollups without --check rebuilds them."
            )
        self.stdout.write(
            f"{found} rollups rebuilt, the others are what the rows say."
            if found
            else "The rollups are what the rows say."
        )

"""`./gateway rebuild_rollups`: rebuilds the rollups from the rows, or with --check only reports where they differ."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from usage.rollups.compare import Difference
from usage.rollups.rebuild import rebuild_and_record

SHOWN = 50


class Command(BaseCommand):
    help = (
        "Compare the rollups (quarter hours, days, tags, clients, sessions, attempts) with the usage rows and correct "
        "what differs. Run it after an upgrade during which workers of the version before ran, and after a change of "
        "TIME_ZONE. It may run while the gateway does, but not together with prune_usage."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The days and --check."""
        parser.add_argument("--from", dest="first", type=date.fromisoformat, help="first day, such as 2026-03-01")
        parser.add_argument("--to", dest="last", type=date.fromisoformat, help="last day (included)")
        parser.add_argument("--check", action="store_true", help="change nothing, and exit with 1 if anything differs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Shows the first differences and counts the rest."""
        first, last, check = options["first"], options["last"], options["check"]
        if first and last and last < first:
            raise CommandError("--to is before --from.")
        shown = 0

        def each(difference: Difference) -> None:
            nonlocal shown
            if shown < SHOWN:
                shown += 1
                self.stdout.write(str(difference))

        done = rebuild_and_record(first, last, check=check, each=each)
        found = done.differences
        if found > shown:
            self.stdout.write(f"… and {found - shown} more")
        if done.not_built:
            self.stdout.write(done.not_built)
        if check and found:
            raise CommandError(
                f"{found} rollups differ from the rows. Run rebuild_rollups without --check to rebuild them."
            )
        self.stdout.write(
            f"{found} rollups rebuilt; the others matched the rows." if found else "All rollups match the rows."
        )

"""`./gateway prune_usage --keep 12`: removes usage rows of past months. Nothing else removes usage rows."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from access.audit import record
from usage.journal import partitions


class Command(BaseCommand):
    """Removes rows, and reports which and for how long the table was locked."""

    help = (
        "Remove the usage rows of old months. PostgreSQL drops partitions, SQLite deletes in batches. After a change "
        "of TIME_ZONE run rebuild_rollups first: it needs the rows of the day of the change and of the two before."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """--keep and --dry-run."""
        parser.add_argument(
            "--keep",
            type=int,
            required=True,
            metavar="MONTHS",
            help="how many complete months to keep, besides the current one",
        )
        parser.add_argument("--dry-run", action="store_true", help="only report what would be removed")

    def handle(self, *args: Any, **options: Any) -> None:
        """Removes the rows."""
        try:
            pruned = partitions.prune(options["keep"], dry_run=options["dry_run"])
        except ValueError as error:
            raise CommandError(f"--keep: {error}.") from error
        except OperationalError as error:
            raise CommandError(
                "The table was locked by others, or the database is unavailable. What was removed stays removed; run "
                f"the command again. Cause: {error}"
            ) from error
        if not options["dry_run"]:
            record("usage pruned", changes={"months kept": options["keep"], "rows": sum(one.rows for one in pruned)})
        verb = "would be removed" if options["dry_run"] else "removed"
        for one in pruned:
            if one.partition:
                locked = "" if options["dry_run"] else f", locked for at most {one.locked_ms:.1f} ms"
                self.stdout.write(f"{verb}: {one.partition}, about {one.rows:,} rows{locked}")
            else:
                self.stdout.write(f"{verb}: {one.rows:,} single rows of {one.table}")
        if not pruned:
            self.stdout.write("There are no rows that old.")

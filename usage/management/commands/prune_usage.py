"""`manage.py prune_usage --keep 12`: remove usage rows of whole months long past. Nothing else removes usage rows."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from usage.journal import partitions


class Command(BaseCommand):
    """Remove, and say what went and for how long the table was locked."""

    help = (
        "Remove usage rows of the months before the last ones. PostgreSQL drops partitions, SQLite deletes in batches."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """--keep and --dry-run."""
        parser.add_argument(
            "--keep", type=int, required=True, metavar="MONTHS", help="whole months to keep beside the current one"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        """Remove the rows."""
        try:
            pruned = partitions.prune(options["keep"], dry_run=options["dry_run"])
        except ValueError as error:
            raise CommandError(f"--keep: {error}.") from error
        except OperationalError as error:
            raise CommandError(
                f"Somebody else used the table all the time, or the database went away. What was removed stays so; run "
                f"the command again. The cause: {error}"
            ) from error
        verb = "would go" if options["dry_run"] else "removed"
        for one in pruned:
            if one.partition:
                locked = "" if options["dry_run"] else f", locked for {one.locked_ms:.1f} ms at most"
                self.stdout.write(f"{verb}: {one.partition}, about {one.rows:,} rows{locked}")
            else:
                self.stdout.write(f"{verb}: {one.rows:,} single rows of {one.table}")
        if not pruned:
            self.stdout.write("Nothing is that old.")

"""`./gateway make_partitions`: creates the partitions of this month and the next ones, as workers do daily."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection

from usage.journal import partitions


class Command(BaseCommand):
    """Creates the missing partitions, and reports them."""

    help = "Create the partitions for usage rows of this month and the next ones (PostgreSQL; SQLite has none)."

    def add_arguments(self, parser: CommandParser) -> None:
        """--ahead."""
        parser.add_argument(
            "--ahead", type=int, default=2, metavar="MONTHS", help="how many months after this one (default 2)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Creates them."""
        if options["ahead"] < 0:
            raise CommandError("--ahead must be 0 or more.")
        if connection.vendor != "postgresql":
            self.stdout.write("SQLite has no partitions: nothing to do.")
            return
        try:
            created = partitions.ensure(options["ahead"])
        except OperationalError as error:
            raise CommandError(f"The table was locked by others; run the command again. Cause: {error}") from error
        for name in created:
            self.stdout.write(f"created {name}")
        if not created:
            self.stdout.write("All partitions exist.")

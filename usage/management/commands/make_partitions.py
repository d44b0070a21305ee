"""`manage.py make_partitions`: the partitions of this month and the next ones. Workers do the same once a day."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection

from usage.journal import partitions


class Command(BaseCommand):
    """Make what is missing, and say what was."""

    help = "Make the partitions for usage rows of this month and the next ones (PostgreSQL; SQLite has none)."

    def add_arguments(self, parser: CommandParser) -> None:
        """--ahead."""
        parser.add_argument("--ahead", type=int, default=2, metavar="MONTHS", help="months after this one (default 2)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make them."""
        if options["ahead"] < 0:
            raise CommandError("--ahead counts months from 0.")
        if connection.vendor != "postgresql":
            self.stdout.write("This database has no partitions: nothing to do.")
            return
        try:
            made = partitions.ensure(options["ahead"])
        except OperationalError as error:
            raise CommandError(f"No lock was to be had in time; run the command again. The cause: {error}") from error
        for name in made:
            self.stdout.write(f"made {name}")
        if not made:
            self.stdout.write("All partitions are there.")

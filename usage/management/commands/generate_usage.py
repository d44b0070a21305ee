"""`./gateway generate_usage --rows 100000 --months 3 --seed 1`: sample usage rows. Not for a gateway in use."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from usage import bulk
from usage.journal import partitions
from usage.journal.writer import Writer
from usage.rollups import months as month_rollups
from usage.sample_data import times

_REPORT_SECONDS = 10.0


class Command(BaseCommand):
    """Makes sample rows and writes them, with their rollups, as the gateway does."""

    help = (
        "Write sample usage rows of this month and the ones before, as the gateway does: a company's requests with "
        "their attempts, sessions, fallbacks and refusals. Within an hour the same arguments give the same rows, which "
        "are written once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """--rows, --months and --seed."""
        parser.add_argument("--rows", type=int, required=True, help="how many requests")
        parser.add_argument("--months", type=int, default=1, help="how many months, including this one (default 1)")
        parser.add_argument("--seed", type=int, default=1, help="another seed gives other rows (default 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Creates the partitions, then the rows."""
        count, months = options["rows"], options["months"]
        if count < 0 or months < 1:
            raise CommandError("--rows must be 0 or more, and --months 1 or more.")
        first = partitions.months_after(partitions.this_month(), 1 - months)
        partitions.ensure(since=first)
        since = datetime(first.year, first.month, 1, tzinfo=UTC)
        now = datetime.now(UTC)
        until = now.replace(minute=0, second=0, microsecond=0)
        if until <= since:
            # The first hour of the month: up to now, since nobody sees rows of the future.
            until = max(now, since + timedelta(minutes=1))
        slices = times.slices(count, since, until, options["seed"])
        # Sample rows need no journal.
        writer = Writer(lambda account: None)
        done, began = 0, time.monotonic()
        reported_at = began
        for written in bulk.write(slices, writer):
            if not written:
                raise CommandError(
                    f"The database became unavailable after {done:,} rows; run the same command to continue."
                )
            done += written
            if time.monotonic() - reported_at > _REPORT_SECONDS:
                reported_at = time.monotonic()
                self.stdout.write(f"{done:,} of {count:,} requests, {done / (reported_at - began):,.0f}/s")
        if writer.set_aside:
            raise CommandError(f"The database rejected {writer.set_aside:,} of the rows.")
        if left := month_rollups.not_built(month_rollups.build_all()):
            self.stdout.write(left)
        seconds = time.monotonic() - began
        self.stdout.write(f"{done:,} requests in {seconds:.1f} s, {done / max(seconds, 1e-3):,.0f}/s")

"""`./gateway check_budgets`: proves that budgets count what their rows cost, or with --repair makes it so."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from access.audit import record
from usage.budgets import checking

SHOWN = 50


class Command(BaseCommand):
    help = (
        "Compare each window of each budget with its usage rows, and what is drawn of it with what workers hold. "
        "It may run while the gateway does."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """--repair, --wait."""
        parser.add_argument(
            "--repair",
            action="store_true",
            help="correct what differs, and give back what workers hold that are gone. What these spent without a row "
            "is then counted nowhere: let a gateway adopt their journals first",
        )
        parser.add_argument(
            "--wait",
            type=float,
            default=checking.SECOND_LOOK_SECONDS,
            metavar="SECONDS",
            help="with --repair: look again so long after a worker was found without a heartbeat for 30 s, and take it "
            "for gone if it has written none meanwhile. After an outage of the database the heartbeats of all workers "
            "are old; they write one every 5 s (default: %(default)g)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Shows the first differences and counts the rest; shows what dead workers hold, which is no difference."""
        repair = options["repair"]
        dead = checking.dead_workers()
        if repair and dead:
            self.stdout.write(f"{len(dead)} workers without a heartbeat: looking again in {options['wait']:g} s.")
            dead = checking.remove_dead(options["wait"])
        for worker in dead:
            self.stdout.write(f"{worker}{' It was given back.' if repair else ''}")
        found = 0
        for difference in checking.differences(repair=repair):
            found += 1
            if found <= SHOWN:
                self.stdout.write(str(difference))
        if found > SHOWN:
            self.stdout.write(f"… and {found - SHOWN} more")
        if repair and (found or dead):
            record("budgets repaired", changes={"windows": found, "workers": len(dead)})
        if found and not repair:
            raise CommandError(
                f"{found} windows differ from their rows or blocks. Run check_budgets --repair to correct them."
            )
        self.stdout.write(f"{found} windows corrected; the others were right." if found else "All windows are right.")

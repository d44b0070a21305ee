"""`./gateway import_litellm_keys`: shows which of LiteLLM's virtual keys a dump would bring; --write imports them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from configuration.foreign.litellm_keys import UnreadableDump, import_keys


class Command(BaseCommand):
    """Reports what an import of keys does; does it only with --write, all or nothing."""

    help = (
        "Import LiteLLM's teams and virtual keys from a plain dump of its database, or a folder of CSV or JSON exports."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dump", metavar="DUMP", help="the dump, or the folder with a file of each table")
        parser.add_argument("--write", action="store_true", help="import; without it the result is only shown")
        parser.add_argument("--team", default="LiteLLM", help="the team of keys that have none (default: LiteLLM)")

        parser.add_argument(
            "--less-spent",
            action="store_true",
            help="a budget in total is what LiteLLM has left of it; without it, it is the whole amount from now",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = " ".join(options["team"].split())
        if not name or len(name) > 80:
            raise CommandError("--team: enter a name of at most 80 characters.")
        try:
            report = import_keys(
                Path(options["dump"]), team_name=name, write=options["write"], less_spent=options["less_spent"]
            )
        except UnreadableDump as error:
            raise CommandError(f"Nothing was written. {error}") from error
        for line in report.lines(write=options["write"]):
            self.stdout.write(line)

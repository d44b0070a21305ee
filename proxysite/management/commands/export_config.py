"""`./gateway export_config`: writes the configuration as one YAML file, without secrets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from access.audit import record
from configuration.file.exporting import export_text


class Command(BaseCommand):
    """Writes to standard output, or to a file that only its owner can read."""

    help = "Export the configuration as YAML, without secrets. import_config imports it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--output", metavar="FILE", help="write to this file instead of standard output")
        parser.add_argument(
            "--with-keys",
            action="store_true",
            help="include client keys and their hashes: a gateway that imports them accepts these keys",
        )

        parser.add_argument(
            "--people",
            action="store_true",
            help="include people by their usernames: accounts without passwords and rights, the teams they are in, and "
            "with --with-keys the keys that belong to them, which are left out otherwise",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # One transaction, so that the parts are consistent.
        with transaction.atomic():
            text = export_text(with_keys=options["with_keys"], with_people=options["people"])
        record("configuration exported", changes={"with keys": options["with_keys"], "people": options["people"]})
        if not options["output"]:
            self.stdout.write(text, ending="")
            return
        path = Path(options["output"])
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
        self.stderr.write(f"Wrote {path}.")

"""`manage.py export_config`: the whole configuration as one YAML file, without secrets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from configuration.file.exporting import exported


class Command(BaseCommand):
    """Writes to the standard output, or to a file that only its owner can read."""

    help = "Write the whole configuration as YAML, without secrets; import_config reads it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--output", metavar="FILE", help="the file to write, in place of the standard output")
        parser.add_argument(
            "--with-keys",
            action="store_true",
            help="with client keys and their hashes: whoever imports them lets them in",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # One transaction, so that the parts fit each other.
        with transaction.atomic():
            text = exported(with_keys=options["with_keys"])
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

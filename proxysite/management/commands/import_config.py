"""`manage.py import_config`: what a configuration file would change here; --write changes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from configuration.apply.import_configuration import apply
from configuration.apply.import_report import ConfigurationError
from configuration.apply.text import report
from configuration.file.reading import FORMATS, read


class Command(BaseCommand):
    """Tells what it would do; does it only with --write, all of it or nothing."""

    help = "Read a configuration file: our own, claude-code-router's config.json or LiteLLM's config.yaml."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--write", action="store_true", help="write it; without, it is only told what would happen")
        parser.add_argument("--format", choices=FORMATS, default="auto", help="whose file it is; auto finds out")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = read(Path(options["file"]), options["format"])
            ledger = apply(found, write=options["write"])
        except ConfigurationError as error:
            raise CommandError(f"Nothing was written. {error}") from error
        self.stdout.write(f"Read as {found.title}.")
        self.stdout.write(report(ledger, write=options["write"]))

"""`./gateway import_config`: shows what a configuration file would change; --write applies it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from access.audit import record
from configuration.apply.import_configuration import import_configuration
from configuration.file.reading import FORMATS, read
from configuration.file.schema import ConfigurationError


class Command(BaseCommand):
    """Reports the changes of an import; makes them only with --write, all or none."""

    help = "Import a configuration file: this gateway's own, claude-code-router's config.json or LiteLLM's config.yaml."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--write", action="store_true", help="apply the changes; without it they are only shown")
        parser.add_argument("--format", choices=FORMATS, default="auto", help="the file's format (default: detected)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            parsed = read(Path(options["file"]), options["format"])
            with transaction.atomic():
                if options["write"]:
                    record("configuration imported", changes={"format": parsed.title})
                report = import_configuration(parsed, write=options["write"])
        except ConfigurationError as error:
            raise CommandError(f"Nothing was written. {error}") from error
        self.stdout.write(f"Format: {parsed.title}")
        self.stdout.write(report.text(write=options["write"]))

"""`manage.py import_concepts`: concepts from a taxonomy of Markdown files. A dry run unless --write is given."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from routing import taxonomy
from routing.concept_import import carry_out


class Command(BaseCommand):
    """Read, say what would change, and change it if wanted."""

    help = (
        "Import concepts from Markdown: a `# Concept` heading, `synonyms:: a, b`, `route:: provider, model` and "
        "`priority:: 0-100`. Shows what would change; --write changes it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The folder or file, and whether to write."""
        parser.add_argument("path", type=Path, help="a folder of .md files, or one of them")
        parser.add_argument("--write", action="store_true", help="make the changes")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        path: Path = options["path"]
        if not path.exists():
            raise CommandError(f"There is no {path}.")
        if not taxonomy.files(path):
            raise CommandError(f"There is no .md file in {path}.")
        concepts, left = taxonomy.read(path)
        try:
            plan = carry_out(concepts, write=options["write"])
        except ValidationError as error:
            raise CommandError(f"Nothing was written: {' '.join(error.messages)}") from error
        for line in plan.changes:
            self.stdout.write(line)
        self.stdout.write(f"{len(plan.changes)} changes; {plan.unchanged} concepts are as they should be.")
        for each in (*left, *plan.left):
            self.stdout.write(f"! {each.place}: {each.why}.")
        if plan.changes and not options["write"]:
            self.stdout.write("Nothing was written. Run it again with --write to make these changes.")

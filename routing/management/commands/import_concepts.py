"""`manage.py import_concepts`: imports concepts from Markdown files. A dry run unless --write is given."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from routing import taxonomy
from routing.concept_import import import_concepts


class Command(BaseCommand):
    """Reports what an import would change, and changes it with --write."""

    help = (
        "Import concepts from Markdown: a `# Concept` heading, `synonyms:: a, b`, `route:: provider, model` and "
        "`priority:: 0-100`. Shows what would change; --write writes the changes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the folder or file, and --write."""
        parser.add_argument("path", type=Path, help="a folder of .md files, or one of them")
        parser.add_argument("--write", action="store_true", help="write the changes")

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs the command."""
        path: Path = options["path"]
        if not path.exists():
            raise CommandError(f"{path} does not exist.")
        if not taxonomy.files(path):
            raise CommandError(f"There is no .md file in {path}.")
        concepts, unsupported = taxonomy.read(path)
        try:
            plan = import_concepts(concepts, write=options["write"])
        except ValidationError as error:
            raise CommandError(f"Nothing was written: {' '.join(error.messages)}") from error
        for line in plan.changes:
            self.stdout.write(line)
        self.stdout.write(f"{len(plan.changes)} changes; {plan.unchanged} concepts are up to date.")
        for each in (*unsupported, *plan.unsupported):
            self.stdout.write(f"! {each.place}: {each.why}.")
        if plan.changes and not options["write"]:
            self.stdout.write("Nothing was written. Run it again with --write to write these changes.")

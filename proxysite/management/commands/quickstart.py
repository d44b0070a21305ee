"""`manage.py quickstart`: make an empty installation usable and say how to use it. The second time it only says."""

from __future__ import annotations

import os
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from proxysite.quickstart import provision, welcome


class Command(BaseCommand):
    """Makes an administrator, a team with a client key, and the providers whose keys stand in the environment."""

    help = "Make an administrator, a client key and the providers whose API keys stand in the environment."
    # Checks say what is missing in an installation; this command is what makes it.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 3456), help="where serve listens")
        parser.add_argument("--migrate", action="store_true", help="first migrate the database, if it has to be")

    def handle(self, *args: Any, **options: Any) -> None:
        port: int = options["port"]
        if not 1 <= port <= 65534:
            raise CommandError(f"PORT is {port}: choose one from 1 to 65534 (the demo upstream takes the next one).")
        if options["migrate"]:
            self._migrate()
        try:
            made = provision.provision(os.environ, port)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(welcome.text(made, f"http://127.0.0.1:{port}"))

    def _migrate(self) -> None:
        # `migrate` with nothing to do still spends a second on permissions and signals.
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False)

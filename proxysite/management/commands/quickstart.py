"""`manage.py quickstart`: sets up an empty installation and prints how to use it; later runs only print."""

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
    """Creates an administrator, a team with a client key, and the providers whose API keys are in the environment."""

    help = "Create an administrator, a client key and the providers whose API keys are in the environment."
    # The checks report what an installation lacks, and this command creates it.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=int, default=int(os.environ.get("PORT") or 3456), help="the port that serve listens on"
        )
        parser.add_argument("--migrate", action="store_true", help="migrate the database first, if necessary")

    def handle(self, *args: Any, **options: Any) -> None:
        port: int = options["port"]
        if not 1 <= port <= 65534:
            raise CommandError(f"PORT is {port}. Choose one from 1 to 65534 (the demo upstream uses the next one).")
        if options["migrate"]:
            self._migrate()
        try:
            result = provision.provision(os.environ, port)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(welcome.text(result, f"http://127.0.0.1:{port}"))

    def _migrate(self) -> None:
        # `migrate` with nothing to do still spends a second on permissions and signals.
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False)

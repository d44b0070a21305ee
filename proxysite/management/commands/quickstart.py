"""`./gateway quickstart`: sets up an empty installation and prints how to use it; later runs only print."""

from __future__ import annotations

import os
import shlex
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from access.connect import paste_lines
from access.key_format import PLACEHOLDER
from proxysite.quickstart import provision
from proxysite.quickstart.provision import ADMIN_NAME, DEMO_NAME, Provisioned


class Command(BaseCommand):
    """Creates an administrator, a team with a client key, and the providers whose API keys are in the environment."""

    help = "Create an administrator, a client key and the providers whose API keys are in the environment."
    # The checks report what an installation lacks, and this command creates it.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=int, default=os.environ.get("PORT") or 3456, help="the port that serve listens on"
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
        self.stdout.write(_welcome(result, f"http://127.0.0.1:{port}"))

    def _migrate(self) -> None:
        # `migrate` with nothing to do still spends a second on permissions and signals.
        executor = MigrationExecutor(connection)
        if plan := executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.stdout.write(f"Preparing the database ({len(plan)} migrations) ...")
            self.stdout.flush()
            call_command("migrate", interactive=False, verbosity=0)


def _password_command() -> str:
    """Returns what to type for a new password; elsewhere than in the standard folder it names the data."""
    if settings.DATA_DIR == settings.BASE_DIR / "data":
        return "make password"
    return f"make password DATA_DIR={shlex.quote(str(settings.DATA_DIR))}"


def _welcome(result: Provisioned, base_url: str) -> str:
    """Returns the text that quickstart prints; each `export` and the `curl` has a line of its own.

    Secrets appear only in the run that created them.
    """
    lines = ["", f"  Gateway     {base_url}", f"  Admin       {base_url}{reverse('admin:index')}"]
    if result.password:
        lines.append(f"  Sign in     {ADMIN_NAME} / {result.password}    (shown only now)")
    else:
        lines.append(f"  Sign in     with the password of the first start. Forgot it? {_password_command()}")
    if result.client_key:
        lines.append(f"  Client key  {result.client_key}    (shown only now)")
    else:
        where = f"{base_url}{reverse('admin:access_clientkey_add')}"
        lines.append(f"  Client key  shown when it was created; create another at {where}")
    lines.append(f"  Providers   {', '.join(result.providers) or 'none yet: add one in the admin'}")
    if set(result.providers) <= {DEMO_NAME}:
        lines.append("  Next        add a provider of your own: the admin's home leads there")
    if result.missing:
        lines.append(f"  Skipped     ollama: {result.missing}")
    address, token, curl = paste_lines(base_url, result.client_key or PLACEHOLDER, result.route)
    lines += ["", "Try it in another terminal:", "", curl.text, ""]
    lines += ["Claude Code (then start it with: claude) and the SDKs:", "", address.text, token.text, ""]
    return "\n".join(lines)

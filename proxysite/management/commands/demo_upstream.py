"""`./gateway demo_upstream --port N`: runs the demo upstream alone, on loopback, until it is interrupted."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from proxysite.demo import server


class Command(BaseCommand):
    """Serves the demo upstream. `make run` does not need it: the gateway starts its own."""

    help = "Run the demo upstream on 127.0.0.1."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=3457, help="the port of 127.0.0.1 to listen on")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            listener = server.listen(options["port"])
        except server.PortTaken as taken:
            raise CommandError(str(taken)) from taken
        self.stdout.write(f"The demo upstream listens on http://{server.HOST}:{options['port']}/v1")
        server.run(listener)

"""`manage.py serve`: serves the gateway with uvicorn, uvloop and httptools."""

from __future__ import annotations

import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from proxysite import server, workers
from proxysite.demo import server as demo


class Command(BaseCommand):
    """Serves until SIGTERM or SIGINT, which proxysite.server describes."""

    help = "Serve the gateway (API and admin) with uvicorn."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--port", type=int, default=3456, help="port to listen on (default 3456)")
        parser.add_argument("--workers", type=int, default=1, help="number of processes (default 1)")
        parser.add_argument(
            "--descriptor", type=int, help="an inherited listening socket, instead of host and port (systemd: 3)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        host, port, count = options["host"], options["port"], options["workers"]
        if count < 1:
            raise CommandError("--workers must be at least 1.")
        if options["descriptor"] is not None:
            _serve(host, port, _inherited(options["descriptor"]), count)
            return
        try:
            listener = workers.bind(host, port)
        except OSError as error:
            raise CommandError(
                f"Cannot listen on {host}:{port} ({error.strerror}). Is another server running? "
                "Choose another port with --port, or `make run PORT=...`."
            ) from error
        try:
            upstream = demo.start(port + 1) if settings.DEMO_UPSTREAM else None
        except (demo.PortTaken, demo.DemoFailed) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Listening on http://{host}:{port} (Ctrl-C stops)")
        self.stdout.flush()
        try:
            _serve(host, port, listener, count)
        finally:
            if upstream is not None:
                upstream.stop()


def _inherited(descriptor: int) -> socket.socket:
    """Returns the listening socket that whoever started this process holds. Raises CommandError."""
    try:
        listener = socket.socket(fileno=descriptor)
        listening = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise CommandError(
            f"--descriptor {descriptor}: {error.strerror}. It must be a socket that this process inherits; "
            "systemd's first one is 3."
        ) from error
    if not listening:
        raise CommandError(f"--descriptor {descriptor}: this socket does not listen. Let its holder call listen().")
    return listener


def _serve(host: str, port: int, listener: socket.socket, count: int) -> None:
    server.allow_connections()
    if count > 1:
        sys.exit(workers.Workers(listener, count).run())
    server.GatewayServer(server.configuration(host, port)).run(sockets=[listener])

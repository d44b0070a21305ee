"""`./gateway serve`: serves the gateway with uvicorn, uvloop and httptools."""

from __future__ import annotations

import gc
import os
import socket
import sys
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from proxysite import checks, workers

if TYPE_CHECKING:
    from proxysite.demo import server as demo

_GATEWAY: Final = "gateway"
_ADMIN: Final = "admin"
_APART: Final = "apart"
_PAGES_PORT: Final = 2
"""How far the pages' port is from the gateway's. The one in between is the demo upstream's."""

_NICE: Final = 5
"""How far the pages stand back where streams want the same core."""


class Command(BaseCommand):
    """Serves until SIGTERM or SIGINT, which proxysite.server describes."""

    help = "Serve the gateway (API and pages) with uvicorn."
    requires_system_checks = checks.OF_SETTINGS

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--port", type=int, default=3456, help="port to listen on (default 3456)")
        parser.add_argument("--workers", type=int, default=1, help="number of processes (default 1)")
        parser.add_argument("--socket", type=Path, help="a Unix socket to listen on, instead of host and port")
        parser.add_argument(
            "--descriptor", type=int, help="an inherited listening socket, instead of host and port (systemd: 3)"
        )
        parser.add_argument(
            "--pages",
            choices=("inline", _APART),
            help="inline: the processes of the API serve the pages, too; apart: pages have a process and an address of "
            "their own, and a web server in front sends each path to its process (default: the setting PAGES)",
        )
        parser.add_argument("--pages-port", type=int, help="port of the pages when apart (default: --port and two)")
        parser.add_argument("--pages-socket", type=Path, help="a Unix socket for the pages, instead of host and port")
        parser.add_argument(
            "--only",
            choices=(_GATEWAY, _ADMIN),
            help="one part alone: the API and the probes, or the pages (/admin/, /my/, their files). The gateway tells "
            "browsers where pages are with --pages-port or --pages-socket",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        only, count = options["only"], options["workers"]
        if count < 1:
            raise CommandError("--workers must be at least 1.")
        if only and options["pages"]:
            raise CommandError("--only serves one part, --pages says where both are served: leave one of them out.")
        apart = only is None and (options["pages"] or settings.PAGES) == _APART
        if not apart and only != _GATEWAY and _pages_address(options):
            raise CommandError(
                "--pages-port and --pages-socket say where pages have a process of their own. Add --pages apart, or "
                "leave them out; --only admin listens on --port or --socket."
            )
        with ExitStack() as stack:
            listener, address = _listener(stack, options)
            if address and only != _ADMIN and settings.DEMO_UPSTREAM:
                stack.callback(_demo_upstream(options["port"] + 1).stop)
            pages_address = ""
            if apart:
                parts, pages_address = _apart(stack, listener, options)
            else:
                arguments = ("--pages", "inline") if only is None else ("--only", only, *_pages_address(options))
                parts = [workers.Part("worker", listener, count, arguments)]
            if address:
                self.stdout.write(f"Listening on {address} (Ctrl-C stops)")
            if pages_address:
                self.stdout.write(f"Pages on {pages_address}")
            self.stdout.flush()
            workers.allow_connections()
            if sum(part.count for part in parts) > 1:
                _let_collect()
                sys.exit(workers.Workers(parts).run())
            if only == _ADMIN:
                os.nice(_NICE)
            # What only watches over others has no use for it.
            from proxysite import server

            application = _application(options)
            _let_collect()
            configuration = server.configuration(
                application, options["host"], options["port"], sockets=only != _GATEWAY
            )
            server.GatewayServer(configuration).run(sockets=[listener])


def _let_collect() -> None:
    """Ends the rest that proxysite.command_line gave the collector. What was loaded meanwhile stays."""
    gc.freeze()
    gc.enable()


def _apart(stack: ExitStack, listener: socket.socket, options: dict[str, Any]) -> tuple[list[workers.Part], str]:
    """Returns the workers of the gateway with the process of the pages, and the address of it. Raises CommandError."""
    if options["pages_port"] is None:
        options["pages_port"] = options["port"] + _PAGES_PORT
    pages, address = _bound(
        stack, options["host"], options["pages_port"], options["pages_socket"], "--pages-port or --pages-socket"
    )
    arguments = ("--only", _GATEWAY, *_pages_address(options))
    gateway = workers.Part("worker", listener, options["workers"], arguments)
    return [gateway, workers.Part("process of the pages", pages, 1, ("--only", _ADMIN))], address


def _listener(stack: ExitStack, options: dict[str, Any]) -> tuple[socket.socket, str]:
    """Returns the socket to serve on and its address, empty where somebody else holds it. Raises CommandError."""
    if options["descriptor"] is not None:
        return _inherited(options["descriptor"]), ""
    return _bound(stack, options["host"], options["port"], options["socket"], "--port, or `make run PORT=...`")


def _bound(stack: ExitStack, host: str, port: int, path: Path | None, choose: str) -> tuple[socket.socket, str]:
    """Returns a listening socket, a file's if there is a path, and its address. Raises CommandError."""
    address = f"{host}:{port}" if path is None else str(path)
    try:
        if path is None:
            return workers.bind(host, port), f"http://{address}"
        listener = workers.bind_file(path)
    except OSError as error:
        raise CommandError(
            f"Cannot listen on {address} ({error.strerror or error}). Is another server running? Choose another with "
            f"{choose}."
        ) from error
    stack.callback(_remove, path, workers.file_of(path))
    return listener, f"the Unix socket {address}"


def _remove(path: Path, own: tuple[int, int, int] | None) -> None:
    """Removes the file of a socket, unless another server has put its own there."""
    if workers.file_of(path) == own:
        path.unlink(missing_ok=True)


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


def _demo_upstream(port: int) -> demo.Child:
    """Starts the demo upstream. Raises CommandError."""
    from proxysite.demo import server as demo

    try:
        return demo.start(port)
    except (demo.PortTaken, demo.DemoFailed) as error:
        raise CommandError(str(error)) from error


def _pages_address(options: dict[str, Any]) -> tuple[str, ...]:
    """Returns the arguments that say where pages are."""
    if options["pages_socket"] is not None:
        return ("--pages-socket", str(options["pages_socket"]))
    return () if options["pages_port"] is None else ("--pages-port", str(options["pages_port"]))


def _application(options: dict[str, Any]) -> Any:
    """Returns what this process serves, for uvicorn."""
    from proxysite import asgi

    if options["only"] is None:
        return asgi.application
    if options["only"] == _ADMIN:
        return asgi.pages_alone()
    if settings.PUBLIC_URL:
        return asgi.api_alone(f"{settings.PUBLIC_URL}/admin/")
    if options["pages_socket"] is not None:
        return asgi.api_alone("on a Unix socket of this host")
    if options["pages_port"] is not None:
        return asgi.api_alone(f"on port {options['pages_port']} of this host")
    return asgi.api_alone("`./gateway serve --only admin` starts it")

"""What can stand between the load and the mock: nothing, the bare relay, the gateway, or somebody else's proxy."""

from __future__ import annotations

import http.client
import os
import secrets
import shlex
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from benchmarks.children import Child, Cores, DidNotRun
from benchmarks.site import ROUTES, SECRET_VARIABLE, Rows
from tests.harness.postgresql import PostgreSQL

_FOREIGN = ("API_KEY", "_PROXY", "ANTHROPIC_", "OPENAI_", "OPENROUTER_", "CLAUDE", "DJANGO_")


class Target:
    """Something that answers POST /v1/messages on a port of 127.0.0.1. `sent` counts what it was asked so far."""

    def __init__(self, name: str, child: Child, port: int, model: str = "mock", key: str = "") -> None:
        self.name = name
        self.child = child
        self.port = port
        self.model = model
        self.headers = {"x-api-key": key} if key else {}
        self.sent = 0

    def stop(self) -> int:
        """End it, if it runs; returns the exit status."""
        return self.child.stop()


def floor(cores: Cores, upstream_port: int, folder: Path) -> Target:
    """The bare relay."""
    with cores.on(cores.gateway):
        child = Child.module("floor", str(upstream_port), log=folder / "floor.log")
    return Target("floor", child, int(child.answer()))


def peer(cores: Cores, command: str, upstream_port: int, folder: Path) -> Target:
    """Another proxy: `name=command`, where {port} and {upstream} (a URL without /v1) are filled in."""
    name, _, line = command.partition("=")
    port = free_port()
    line = line.replace("{port}", str(port)).replace("{upstream}", f"http://127.0.0.1:{upstream_port}")
    with cores.on(cores.gateway):
        child = Child(shlex.split(line), log=folder / f"{name}.log", env=clean_environment(), reads_output=False)
    wait_until_answers(child, port, "/", 120)
    return Target(name, child, port, key="benchmarks")


class Site:
    """The gateway's database and configuration, and gateways that serve it, one after the other."""

    def __init__(self, cores: Cores, upstream_port: int, folder: Path, dialect: str, postgresql: bool) -> None:
        self._cores = cores
        self._folder = folder
        self._model = ROUTES[dialect]
        self._server = PostgreSQL(folder / "postgresql") if postgresql else None
        if self._server is not None:
            self._server.start()
        database = self._server.url("postgres") if self._server is not None else f"sqlite:///{folder}/gateway.sqlite3"
        self._env = environment(folder, database)
        self._key = msgspec.json.decode(self.run("site", "prepare", str(upstream_port)), type=str)

    def serve(self, *options: str, **settings: str) -> Target:
        """A fresh gateway of one worker on its core; `options` are more of `serve`, `settings` of its environment."""
        port = free_port()
        command = [sys.executable, "manage.py", "serve", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        command += options
        with self._cores.on(self._cores.gateway):
            env = {**self._env, **settings}
            child = Child(command, log=self._folder / "gateway.log", env=env, reads_output=False)
        _wait(child, lambda: get(port, "/readyz")[0] == 200, 60)
        return Target("gateway", child, port, model=self._model, key=self._key)

    def key(self, dollars: str) -> str:
        """The secret of another key, with a hard budget of its own."""
        return msgspec.json.decode(self.run("site", "key", dollars), type=str)

    def rows(self) -> Rows:
        """The usage rows in the database."""
        return msgspec.json.decode(self.run("site", "count"), type=Rows)

    def close(self) -> None:
        """Stop the database server, if there is one."""
        if self._server is not None:
            self._server.stop()

    def run(self, module: str, *arguments: str) -> bytes:
        """What a program of this package answers that needs the site's database."""
        child = Child.module(module, *arguments, log=self._folder / "site.log", env=self._env)
        try:
            return child.answer()
        finally:
            child.stop()


def environment(folder: Path, database: str) -> dict[str, str]:
    """What a program of Django's runs in: its data in `folder`, its rows in `database`, a DATABASE_URL."""
    return {
        **clean_environment(),
        "DATABASE_URL": database,
        "DATA_DIR": str(folder),
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ENCRYPTION_KEYS": "",
        SECRET_VARIABLE: "sk-benchmark-upstream",
        "LOG_LEVEL": "WARNING",
        "DEBUG": "false",
        "HTTPS": "false",
        "DEMO_UPSTREAM": "false",
    }


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(port: int, path: str) -> tuple[int, bytes]:
    """Status and body of a GET; (0, b"") when nothing listens, or nothing answers yet."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except (ConnectionError, TimeoutError):
        return 0, b""
    finally:
        connection.close()


def clean_environment() -> Mapping[str, str]:
    """The environment without what would lead elsewhere."""
    return {name: value for name, value in os.environ.items() if not any(part in name.upper() for part in _FOREIGN)}


def wait_until_answers(child: Child, port: int, path: str, seconds: float) -> None:
    """Until something answers there, whatever it says. Raises DidNotRun with the end of its log when nothing does."""
    _wait(child, lambda: get(port, path)[0] > 0, seconds)


def _wait(child: Child, ready: Callable[[], bool], seconds: float) -> None:
    """Until it is ready. Raises DidNotRun with the end of its log when it is not."""
    deadline = time.monotonic() + seconds
    while not ready():
        if child.ended is not None or time.monotonic() > deadline:
            child.stop()
            raise DidNotRun(f"{child.log.stem} did not answer on its port; the end of its log:\n{child.log_tail()}")
        time.sleep(0.05)

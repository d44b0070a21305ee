"""A gateway of two workers whose pages are apart."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.harness.configure import Standing
from tests.harness.gateway import Gateway, free_port
from tests.harness.patience import PATIENCE, until


@dataclass(frozen=True)
class Apart:
    """A running server: `gateway` is the whole, its address that of the API; `pages_url` is where the pages are."""

    gateway: Gateway
    pages_url: str

    def processes(self, part: str) -> list[int]:
        """The ids of the processes of a part: "gateway" or "admin"."""
        parent = self.gateway.pid
        children = map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
        return [child for child in children if {b"--only", part.encode()} <= _command(child)]

    @staticmethod
    def loaded(pid: int) -> set[str]:
        """The names of the compiled libraries that a process has loaded, without their endings."""
        return {line.rpartition("/")[2].partition(".")[0] for line in Path(f"/proc/{pid}/maps").read_text().split("\n")}

    def has_pages(self) -> bool:
        """Whether the process of the pages answers."""
        try:
            return httpx.get(f"{self.pages_url}/readyz", trust_env=False, timeout=2).status_code == 200
        except httpx.TransportError:
            return False


def _command(pid: int) -> set[bytes]:
    """The words of a process's command; none of one that has ended since it was listed."""
    try:
        return set(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"))
    except (FileNotFoundError, ProcessLookupError):
        return set()


def get_from(file: Path, path: str) -> httpx.Response:
    """What the server on a Unix socket answers."""
    with httpx.Client(
        transport=httpx.HTTPTransport(uds=str(file)), base_url="http://127.0.0.1", timeout=PATIENCE
    ) as http:
        return http.get(path)


def answers_on(file: Path) -> Callable[[], bool]:
    """Whether a server answers there."""

    def answers() -> bool:
        with socket.socket(socket.AF_UNIX) as caller:
            if caller.connect_ex(str(file)) != 0:
                return False
        return get_from(file, "/healthz").status_code == 200

    return answers


def started(name: str, workers: int = 1) -> Apart:
    """A gateway whose pages are apart, once both parts are ready."""
    port = free_port()
    gateway = Gateway(name, workers=workers, options=("--pages", "apart", "--pages-port", str(port)))
    made = Apart(gateway.start(), f"http://127.0.0.1:{port}")
    until(made.has_pages, gateway.logs)
    return made


@pytest.fixture(scope="module")
def apart(live_database: None, standing: Standing) -> Iterator[Apart]:
    """One with two workers, for tests that leave it as it is."""
    made = started("pages-apart", workers=2)
    yield made
    made.gateway.stop()
    assert not made.has_pages()


@pytest.fixture
def own(live_database: None, standing: Standing) -> Iterator[Apart]:
    """One with one worker, for a test that does something to it."""
    made = started("own-pages-apart")
    try:
        yield made
    finally:
        made.gateway.signal(signal.SIGTERM)
        made.gateway.wait_exit()

"""A real nginx with deploy/nginx.conf, in front of one gateway or several."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx

from tests.harness import programs
from tests.harness.gateway import free_port
from tests.harness.http import nginx_files
from tests.harness.patience import PATIENCE, until


@contextlib.contextmanager
def running_nginx(
    folder: Path, ports: Sequence[int], lowered: Mapping[str, str] | None = None, pages: Sequence[str] | None = None
) -> Iterator[int]:
    """The port of an nginx in front of the gateways on `ports`. `lowered` replaces lines of its configuration, so that
    no test need wait for a limit; `pages` are the addresses of processes of pages, where pages are apart."""
    port = free_port()
    gateways = [f"127.0.0.1:{number}" for number in ports]
    arguments = nginx_files.write(folder, port, gateways, gateways if pages is None else pages, lowered)
    process = subprocess.Popen([programs.find("nginx"), *arguments], stderr=subprocess.PIPE)
    try:
        until(lambda: process.poll() is not None or _answers(port), (folder / "error.log").read_text)
        assert process.poll() is None, f"nginx ended: {process.communicate()[1].decode()}"
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False

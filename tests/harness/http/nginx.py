"""A real nginx with deploy/nginx.conf, in front of one gateway or several."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx

from tests.harness import programs
from tests.harness.gateway import ROOT, free_port
from tests.harness.patience import PATIENCE, until

_FRAME = """
daemon off;
master_process off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 2048; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/gateway.conf;
}}
"""


@contextlib.contextmanager
def running_nginx(folder: Path, ports: Sequence[int], lowered: Mapping[str, str] | None = None) -> Iterator[int]:
    """The port of an nginx in front of the gateways on `ports`, with only the two places changed that say CHANGE, and
    those lines for which `lowered` has another, so that no test need wait for a limit."""
    port = free_port()
    conf = (ROOT / "deploy" / "nginx.conf").read_text()
    behind = "\n".join(f"    server 127.0.0.1:{number} max_fails=0;" for number in ports)
    conf, servers = re.subn(r"^    server 127\.0\.0\.1:3456 max_fails=0;$", behind, conf, flags=re.MULTILINE)
    conf, listens = re.subn(r"^    listen 80;$", f"    listen 127.0.0.1:{port};", conf, flags=re.MULTILINE)
    assert (servers, listens) == (1, 1)
    for line, lower in (lowered or {}).items():
        assert conf.count(line) == 1, line
        conf = conf.replace(line, lower)
    (folder / "gateway.conf").write_text(conf)
    frame = folder / "nginx.conf"
    frame.write_text(_FRAME.format(folder=folder, user="user root;" if os.geteuid() == 0 else ""))
    log = folder / "error.log"
    command: list[str | Path] = [programs.find("nginx"), "-p", folder, "-e", log, "-c", frame]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        until(lambda: process.poll() is not None or _answers(port), log.read_text)
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

"""The files and the command of an nginx that runs deploy/nginx.conf. Knows no gateway and no test."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

_CONFIGURATION = Path(__file__).resolve().parent.parent.parent.parent / "deploy" / "nginx.conf"
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


def write(
    folder: Path, port: int, gateways: Sequence[str], pages: Sequence[str], lowered: Mapping[str, str] | None = None
) -> list[str]:
    """Writes the files, with only the three places changed that say CHANGE and those lines for which `lowered` has
    another; returns nginx's arguments. `gateways` and `pages` are addresses as nginx writes them."""
    conf = _CONFIGURATION.read_text()
    behind = iter([gateways, pages])

    def servers(found: re.Match[str]) -> str:
        return "\n".join(f"    server {address} max_fails=0;" for address in next(behind))

    conf, upstreams = re.subn(r"^    server 127\.0\.0\.1:3456 max_fails=0;$", servers, conf, flags=re.MULTILINE)
    conf, listens = re.subn(r"^    listen 80;$", f"    listen 127.0.0.1:{port};", conf, flags=re.MULTILINE)
    assert (upstreams, listens) == (2, 1)
    for line, lower in (lowered or {}).items():
        assert conf.count(line) == 1, line
        conf = conf.replace(line, lower)
    (folder / "gateway.conf").write_text(conf)
    frame = folder / "nginx.conf"
    frame.write_text(_FRAME.format(folder=folder, user="user root;" if os.geteuid() == 0 else ""))
    return ["-p", str(folder), "-e", str(folder / "error.log"), "-c", str(frame)]

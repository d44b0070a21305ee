"""Other proxies: how each is installed by the name of its package, and started before the mock upstream."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from benchmarks.children import ROOT, Child, Cores, DidNotRun
from benchmarks.targets import Target, clean_environment, free_port, wait_until_answers

INSTALLED = ROOT / ".peers"
"""Where packages are installed, each into a folder of its own; git ignores it."""
_KEY = "benchmarks"
_PATIENCE = 120.0


class Prepared(msgspec.Struct, frozen=True):
    """How a peer is started: `command`, what its environment has beside ours, and the model that it is asked for."""

    command: Sequence[str]
    environment: Mapping[str, str] = {}
    model: str = "mock"


def start(name: str, cores: Cores, upstream_port: int, folder: Path) -> Target:
    """Install a peer unless that was done before, and start it on the gateway's core. Raises DidNotRun."""
    port, own = free_port(), folder / name
    own.mkdir()
    prepared = PEERS[name](own, port, f"http://127.0.0.1:{upstream_port}")
    environment = {**clean_environment(), **prepared.environment}
    with cores.on(cores.gateway):
        child = Child(prepared.command, log=own / f"{name}.log", env=environment, reads_output=False)
    wait_until_answers(child, port, "/", _PATIENCE)
    return Target(name, child, port, model=prepared.model, key=_KEY)


def _rolter(folder: Path, port: int, upstream: str) -> Prepared:
    """A native gateway in Rust (https://pypi.org/project/rolter/)."""
    program = INSTALLED / "rolter" / "bin" / "rolter"
    if not program.exists():
        _run(sys.executable, "-m", "venv", str(INSTALLED / "rolter"))
        _run(str(INSTALLED / "rolter" / "bin" / "pip"), "install", "-q", "rolter==0.1.0")
    configuration = folder / "rolter.toml"
    configuration.write_text(
        f'[server]\nhost = "127.0.0.1"\nport = {port}\n\n'
        f'[[providers]]\nname = "mock"\nkind = "openai"\napi_base = "{upstream}"\nallow_custom_api_base = true\n\n'
        '[[routes]]\nmodel = "mock"\nstrategy = "round_robin"\n[[routes.targets]]\nprovider = "mock"\nmodel = "mock"\n'
    )
    return Prepared([str(program), "gateway", "-c", str(configuration)], {"RUST_LOG": "error"})


def _nginx(folder: Path, port: int, upstream: str) -> Prepared:
    """A reverse proxy that passes Claude's own bytes on and understands nothing (https://nginx.org): the floor."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if program is None:
        raise DidNotRun("nginx is not installed. Debian and Ubuntu: apt install nginx-light")
    configuration = folder / "nginx.conf"
    scratch = "".join(
        f"    {kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration.write_text(
        f"worker_processes 1;\ndaemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log error;\n"
        "worker_rlimit_nofile 8192;\nevents { worker_connections 4096; }\n"
        f"http {{\n    access_log off;\n{scratch}    client_body_buffer_size 1m;\n    client_max_body_size 32m;\n"
        "    keepalive_requests 1000000;\n"
        f"    upstream mock {{ server {upstream.removeprefix('http://')};\n"
        "        keepalive 1024; keepalive_requests 1000000; }\n"
        f"    server {{\n        listen 127.0.0.1:{port} backlog=4096;\n"
        "        location / {\n            proxy_pass http://mock;\n            proxy_http_version 1.1;\n"
        '            proxy_set_header Connection "";\n            proxy_buffering off;\n        }\n    }\n}\n'
    )
    return Prepared([program, "-c", str(configuration), "-p", str(folder)])


def _claude_code_router(folder: Path, port: int, upstream: str) -> Prepared:
    """A router in Node (https://www.npmjs.com/package/@musistudio/claude-code-router)."""
    package, own = "@musistudio/claude-code-router", INSTALLED / "claude-code-router"
    program = own / "node_modules" / package / "dist" / "cli.js"
    if not program.exists():
        own.mkdir(parents=True, exist_ok=True)
        _run("npm", "install", "--no-audit", "--no-fund", "--prefix", str(own), f"{package}@1.0.73")
    configuration = folder / ".claude-code-router" / "config.json"
    configuration.parent.mkdir()
    model = "mock,mock"
    configuration.write_text(
        json.dumps(
            {
                "LOG": False,
                "HOST": "127.0.0.1",
                "PORT": port,
                "NON_INTERACTIVE_MODE": True,
                "Providers": [
                    {
                        "name": "mock",
                        "api_base_url": f"{upstream}/v1/chat/completions",
                        "api_key": "benchmarks",
                        "models": ["mock"],
                    }
                ],
                "Router": dict.fromkeys(("default", "background", "think", "longContext", "webSearch"), model)
                | {"longContextThreshold": 1_000_000},
            }
        )
    )
    return Prepared(
        ["node", str(program), "start"],
        {"HOME": str(folder), "NODE_ENV": "production", "SERVICE_PORT": str(port)},
        model,
    )


PEERS: dict[str, Callable[[Path, int, str], Prepared]] = {
    "rolter": _rolter,
    "nginx": _nginx,
    "claude-code-router": _claude_code_router,
}


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DidNotRun(f"`{' '.join(command)}` failed:\n{(done.stderr or done.stdout)[-2_000:]}")

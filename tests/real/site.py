"""A gateway with one route per api to a server, on a database of its own in a temporary folder."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import httpx
import msgspec
from cryptography.fernet import Fernet

from benchmarks.targets import environment
from tests.harness.gateway import ROOT, free_port
from tests.real.servers import Server


class Site:
    """The running gateway: its address, the client key, and a route's name by api and model."""

    def __init__(self, folder: Path, server: Server) -> None:
        self._env = environment(folder, f"sqlite:///{folder}/gateway.sqlite3") | {
            "ENCRYPTION_KEYS": Fernet.generate_key().decode()
        }
        wanted = [
            [api.dialect, f"http://127.0.0.1:{server.port}{api.path}", model]
            for api in server.apis
            for model in dict.fromkeys([api.text, api.tools])
            if model
        ]
        made = subprocess.run(
            [sys.executable, "-m", "tests.real.configure", msgspec.json.encode(wanted).decode()],
            cwd=ROOT,
            env=self._env,
            stdout=subprocess.PIPE,
            check=True,
        )
        self.key = msgspec.json.decode(made.stdout.splitlines()[-1], type=str)
        self.log = folder / "gateway.log"
        port = free_port()
        self.base_url = f"http://127.0.0.1:{port}"
        with self.log.open("wb") as log:
            command = [sys.executable, "manage.py", "serve", "--host", "127.0.0.1", "--port", str(port)]
            self._process = subprocess.Popen(command, cwd=ROOT, env=self._env, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the gateway did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.base_url}/readyz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        """SIGTERM, and wait."""
        self._process.terminate()
        self._process.wait(30)

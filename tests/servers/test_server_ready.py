"""A server that cannot serve yet: it is up, not ready, and gives the reason; it becomes ready without a restart."""

from __future__ import annotations

import subprocess
import sys

from tests.harness import database
from tests.harness.call import Client, message
from tests.harness.gateway import ROOT, Gateway
from tests.harness.patience import until


def test_a_server_before_its_database_says_so_and_recovers() -> None:
    gateway = Gateway("unready", env={"DATABASE_URL": f"sqlite:///{database.FOLDER}/not-yet.sqlite3"})
    try:
        gateway.launch()
        until(lambda: gateway.readiness()[0] != 0, gateway.logs)
        state = gateway.readiness()
        assert state[0] == 503
        assert state[1]["status"] == "not ready"
        # Anybody may ask: the class of the error, and no address.
        assert state[1]["causes"] == ["the configuration cannot be loaded: OperationalError"]
        client = Client(gateway.base_url, "sk-px-any")
        assert client.get("/healthz").status == 200
        assert "readyz" in client.post(message("any")).error(503, "api_error")
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, cwd=ROOT, env=gateway.environment, check=True, capture_output=True)
        gateway.wait_ready()
        client.post(message("any")).error(401, "authentication_error")
    finally:
        gateway.stop()

"""The gateway that ships inside Claude Code (`claude gateway`), with budgets, to compare answers with."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg

from tests.clients import claude_code, npm
from tests.harness.gateway import free_port
from tests.harness.patience import PATIENCE, until
from tests.harness.postgresql import PostgreSQL

SECRET = "0123456789abcdef0123456789abcdef"
TEAM = "eng"
"""The group whose members share a budget."""


@dataclass
class Reference:
    """A running one, and its database."""

    address: str
    database: Any

    def spend(self, user: str, period: str, cap: int, spent: float) -> None:
        """Gives somebody a budget, in cents, of which so much is spent."""
        self.database.execute(
            "INSERT INTO spend_limits (id, scope_type, scope_id, amount, period) VALUES (%s, 'user', %s, %s, %s)",
            (f"spl_{user}_{period}", user, cap, period),
        )
        names = {"daily": "%Y-%m-%d", "weekly": "%G-W%V", "monthly": "%Y-%m"}
        window = f"{datetime.now(UTC):{names[period]}}"
        self.database.execute("INSERT INTO spend (principal, period, cents) VALUES (%s, %s, %s)", (user, window, spent))

    def spend_together(self, cap: int, spent: float) -> None:
        """Gives the members of TEAM a budget that they share, for a month."""
        self.database.execute(
            "INSERT INTO spend_limits (id, scope_type, scope_id, pooled_limit_enabled, pooled_monthly_credit_limit)"
            " VALUES ('spl_pool', 'rbac_group', %s, true, %s)",
            (TEAM, cap),
        )
        self.database.execute(
            "INSERT INTO pooled_spend (rbac_group_id, period, cents) VALUES (%s, %s, %s)",
            (TEAM, f"{datetime.now(UTC):%Y-%m}", spent),
        )

    def ask(self, user: str, body: Any = None, *, groups: tuple[str, ...] = ()) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body of a message, or of how the budgets stand."""
        headers = {"authorization": f"Bearer {self._token(user, groups)}", "content-type": "application/json"}
        connection = http.client.HTTPConnection(self.address, timeout=PATIENCE)
        try:
            method, path = ("GET", "/api/oauth/usage") if body is None else ("POST", "/v1/messages")
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            raw = answer.read()
            return answer.status, found, json.loads(raw) if "json" in found["content-type"] else raw
        finally:
            connection.close()

    def _token(self, user: str, groups: tuple[str, ...]) -> str:
        """What it gives to whoever has signed in."""
        now = int(time.time())
        header = {"alg": "HS256", "typ": "JWT", "kid": hashlib.sha256(SECRET.encode()).hexdigest()[:16]}
        claims = {"iss": f"http://{self.address}", "aud": "claude-gateway", "sub": user, "groups": groups}
        signed = f"{_encoded(header)}.{_encoded({**claims, 'iat': now, 'exp': now + 3600})}"
        signature = hmac.digest(SECRET.encode(), signed.encode(), "sha256")
        return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


@contextmanager
def reference_gateway(folder: Path, upstream: str) -> Iterator[Reference]:
    """One in front of the Claude server `upstream`, which refuses where its database cannot be read."""
    server = PostgreSQL(folder / "postgresql")
    server.start()
    address = f"127.0.0.1:{free_port()}"
    with _identity_provider() as issuer:
        config = {
            "listen": {"host": "127.0.0.1", "port": int(address.partition(":")[2]), "public_url": f"http://{address}"},
            "session": {"jwt_secret": SECRET},
            "store": {"postgres_url": f"postgres://postgres@localhost/postgres?host={server.folder}"},
            "oidc": {"issuer": issuer, "client_id": "claude-gateway", "client_secret": "made-up"},
            "upstreams": [{"provider": "anthropic", "base_url": upstream, "auth": {"api_key": "sk-ant-made-up"}}],
            "admin": {"write_keys": [{"id": "one", "key": SECRET}]},
            "enforcement": {"fail_closed_on_error": True},
        }
        # JSON is YAML.
        (folder / "gateway.yaml").write_text(json.dumps(config))
        program = str(npm.claude_code(claude_code.VERSIONS[claude_code.LATEST]))
        command = [program, "gateway", "--config", "gateway.yaml"]
        environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "CLAUDE_GATEWAY_ALLOW_LOOPBACK": "1"}
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(command, env=environment, cwd=folder, stdout=output, stderr=output)
        try:
            until(lambda: process.poll() is not None or b"listening on" in log.read_bytes(), log.read_text)
            assert process.poll() is None, log.read_text()
            with psycopg.connect(f"host={server.folder} user=postgres dbname=postgres", autocommit=True) as database:
                yield Reference(address, database)
        finally:
            process.kill()
            process.wait(PATIENCE)
            server.stop()


@contextmanager
def _identity_provider() -> Iterator[str]:
    """What it reads at its start of where people sign in; nobody does here."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer = f"http://{self.headers['host']}"
            ends = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
            known: dict[str, Any] = {"issuer": issuer, **{name: f"{issuer}/{name}" for name in ends}}
            known |= {"response_types_supported": ["code"], "subject_types_supported": ["public"]}
            body = json.dumps(known | {"id_token_signing_alg_values_supported": ["RS256"]}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(PATIENCE)
        server.server_close()

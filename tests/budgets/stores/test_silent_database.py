"""A PostgreSQL that accepts connections and never answers: /readyz says so, as often as it is asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.budgets.stores.postgresql_relay import PostgreSQLRelay
from tests.harness.call import Client
from tests.harness.database import KIND, live_url
from tests.harness.gateway import Gateway

pytestmark = pytest.mark.both_databases

SILENT = "the database does not answer: nothing came within 2 s"


@pytest.fixture
def relay(live_database: None) -> Iterator[PostgreSQLRelay | None]:
    """None on SQLite, which answers in the server itself."""
    if KIND == "sqlite":
        yield None
        return
    with PostgreSQLRelay(live_url()) as relay:
        yield relay


def test_a_database_that_hangs_is_named_and_found_again(relay: PostgreSQLRelay | None) -> None:
    server = Gateway("silent", env={} if relay is None else {"DATABASE_URL": relay.url}).start()
    try:
        for _ in range(2 if relay is not None else 0):
            assert relay is not None
            relay.silent.set()
            status, body = server.readiness()
            assert (status, SILENT in body["causes"]) == (503, True)
            assert Client(server.base_url, None).get("/healthz").status == 200
            relay.silent.clear()
            server.wait_ready()
        assert server.readiness()[0] == 200
    finally:
        server.stop()

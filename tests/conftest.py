"""Fixtures of the tests against running servers. Sessions share two gateways and one upstream; each test writes a
script for the upstream and calls a route of the standing configuration, or makes rows of its own."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests import shards
from tests.harness import database, leftovers
from tests.harness.call import Client
from tests.harness.configure import Standing, make_standing
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream, running_upstream

# Timing is judged where it is measured; a machine that is busy makes no test of properties fail.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave to the other processes what is not of this one's shard."""
    shards.keep_ours(config, items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """A failed test shows what the servers that it used complained of."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Gateway):
                report.sections.append((f"complaints of {value.log_file.name}", value.complaints()))
    return report


@pytest.fixture(params=["wire", "aiohttp"])
def each_transport(request: pytest.FixtureRequest, settings: Any) -> str:
    """The transport to upstreams of a test in this process, which runs once with each."""
    name: str = request.param
    settings.UPSTREAM_TRANSPORT = name
    return name


@pytest.fixture
def garbage() -> Iterator[list[Any]]:
    """The collector stores what only it can free, and does nothing by itself; a test notes here what is too much."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield []
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.fixture(autouse=True)
def _quick_passwords(request: pytest.FixtureRequest) -> None:
    """Passwords of tests with rolled-back rows are hashed at once; running servers keep what they ship with."""
    if request.node.get_closest_marker("django_db") is not None:
        request.getfixturevalue("settings").PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session", autouse=True)
def _flushes_open_the_gate() -> Iterator[None]:
    """Between tests with committed rows all tables are emptied, the audit's as well."""
    from django.test import TransactionTestCase

    from access.audit import chain, writer
    from access.models import AuditHead

    flush: Any = getattr(TransactionTestCase, "_fixture_teardown")  # noqa: B009 - without a type in its stubs

    def flush_all(case: Any) -> None:
        writer.append([writer.Draft(chain.PRUNED)], "default")
        AuditHead.objects.update(open=True)
        flush(case)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(TransactionTestCase, "_fixture_teardown", flush_all)
        yield


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    """A scripted upstream."""
    with running_upstream() as running:
        yield running


@pytest.fixture(scope="session")
def live_database(django_db_blocker: Any) -> None:
    """The migrated database of the running servers."""
    with django_db_blocker.unblock():
        database.create_live_database()


@pytest.fixture
def orm(live_database: None, django_db_blocker: Any) -> Iterator[Rows]:
    """The ORM on the running servers' database, as a shell of another process; what is written is committed.

    All tests share it, in any order: look at rows of your own alone, and leave nothing that concerns others.
    """
    with django_db_blocker.unblock(), database.live_connection():
        yield Rows()
        assert leftovers.removed() == [], "left for the tests that follow; tests/harness/leftovers.py says why not"


@pytest.fixture
def own_database(live_database: None, django_db_blocker: Any) -> Iterator[Rows]:
    """The ORM on a database of this test's own, which servers that it makes from now on have as well.

    For what looks at everything there is, such as alerts, or would be in the way of others.
    """
    with django_db_blocker.unblock(), database.own_database():
        yield Rows()


@pytest.fixture(scope="session")
def gateway(live_database: None, standing: Standing) -> Iterator[Gateway]:
    """The gateway with the settings it ships with, but for the circuit breaker.

    What one test makes fail must not be cooling down in the next.
    """
    running = Gateway("gateway", env={"CIRCUIT_BREAKER": "false"})
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="session")
def hasty_gateway(live_database: None, standing: Standing) -> Iterator[Gateway]:
    """A gateway on the same database whose clocks run fast: it holds back for half a second, and so on."""
    env = {"HOLD_BACK_SECONDS": "0.5", "PING_SECONDS": "0.3", "EMPTY_DELTA_SECONDS": "0.5", "CIRCUIT_BREAKER": "false"}
    env |= {"STORE_PROVIDER_ERRORS": "true"}
    plain_logs = {"LOG_FORMAT": "text", "LOG_LEVEL": "INFO"}
    running = Gateway("hasty", env={**env, "MAX_BODY_BYTES": "100000", "MAX_JSON_DEPTH": "20", **plain_logs})
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="session")
def standing(live_database: None, upstream: Upstream, django_db_blocker: Any) -> Standing:
    """The configuration that most tests share."""
    with django_db_blocker.unblock(), database.live_connection():
        return make_standing(upstream.base_url)


@pytest.fixture
def client(gateway: Gateway, standing: Standing) -> Client:
    """A caller of `gateway` with the standing key."""
    return Client(gateway.base_url, standing.key.secret)


@pytest.fixture
def hasty_client(hasty_gateway: Gateway, standing: Standing) -> Client:
    """A caller of `hasty_gateway` with the standing key."""
    return Client(hasty_gateway.base_url, standing.key.secret)

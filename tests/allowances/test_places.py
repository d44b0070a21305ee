"""Where the workers of a gateway count, and what `./gateway check` says about it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection

from providers.platforms.contract import missing_library
from tests.allowances.redis_server import RedisServer
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows


def findings(databases: list[str] | None = None) -> dict[str, str]:
    """What our checks say: id -> message and hint."""
    found = run_checks(databases=databases)
    return {str(one.id): f"{one.msg} {one.hint}" for one in found if str(one.id).startswith("gateway.")}


def held(folder: Path) -> set[str]:
    """The workers' files that somebody has locked."""
    names = set()
    for path in folder.glob("worker-*"):
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                names.add(path.name)
    return names


def run_and_stop(gateway: Gateway) -> Iterator[Gateway]:
    try:
        yield gateway.start()
    finally:
        gateway.stop()


def test_workers_of_one_server_count_in_one_file(live_database: None) -> None:
    gateway = Gateway("counting", workers=2)
    folder = Path(gateway.environment["DATA_DIR"]) / "allowances"
    for _ in run_and_stop(gateway):
        until(lambda: held(folder) == {"worker-0", "worker-1"}, lambda: sorted(path.name for path in folder.iterdir()))
        assert (folder / "cells-1").stat().st_mode & 0o777 == 0o600
    assert list(folder.glob("worker-*")) == []


def test_one_worker_counts_in_memory(live_database: None, gateway: Gateway) -> None:
    assert not (Path(gateway.environment["DATA_DIR"]) / "allowances").exists()


def test_with_redis_a_worker_counts_there(live_database: None, redis_server: RedisServer) -> None:
    env = {"REDIS_URL": redis_server.url, "REDIS_PREFIX": "blue"}
    for gateway in run_and_stop(Gateway("counting", env=env)):
        until(lambda: redis_server.ask("ZCARD {blue}:limits:leases") == ":1", "a lease")
        assert not (Path(gateway.environment["DATA_DIR"]) / "allowances").exists()
    assert redis_server.ask("ZCARD {blue}:limits:leases") == ":0"


@pytest.mark.both_databases
def test_servers_that_count_apart_are_reported(own_database: Rows) -> None:
    """On PostgreSQL, which alone can serve several hosts."""
    several = connection.vendor == "postgresql"
    for _ in run_and_stop(Gateway("first")):
        assert "gateway.W014" not in findings(["default"])
        _other_is_reported(several)
        until(lambda: "gateway.W014" not in findings(["default"]), lambda: findings(["default"]))


def _other_is_reported(several: bool) -> None:
    for _ in run_and_stop(Gateway("apart")):
        until(lambda: ("gateway.W014" in findings(["default"])) is several, lambda: findings(["default"]))
        if several:
            text = findings(["default"])["gateway.W014"]
            assert "count in 2 places" in text
            assert "allows 2 times as much. Budgets are not multiplied." in text
            assert "set REDIS_URL" in text


@pytest.mark.both_databases
def test_servers_that_count_together_are_not_reported(own_database: Rows) -> None:
    """Two servers on one host, with WORKERS in one folder."""
    pair = Gateway("together", workers=2)
    second = Gateway("together", env={"DATA_DIR": pair.environment["DATA_DIR"], "WORKERS": "3"})
    folder = Path(pair.environment["DATA_DIR"]) / "allowances"
    for _ in run_and_stop(pair):
        for _ in run_and_stop(second):
            until(lambda: held(folder) == {"worker-0", "worker-1", "worker-2"}, "three workers")
            assert "gateway.W014" not in findings(["default"])


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost:6379", "redis://localhost:port"])
def test_an_address_that_is_none_is_an_error(settings: Any, url: str) -> None:
    settings.REDIS_URL = url
    assert "such as redis://:password@host:6379/0" in findings()["gateway.E013"]


def test_redis_without_its_library_is_an_error(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.REDIS_URL = "redis://localhost:6379/0"
    assert "gateway.E013" not in findings()
    monkeypatch.setattr("providers.platforms.contract.find_spec", lambda name: None)
    missing_library.cache_clear()
    assert "make install EXTRAS=redis" in findings()["gateway.E013"]
    missing_library.cache_clear()

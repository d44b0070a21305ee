"""The three kinds of stores, each new for its test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from access.allowances import redis
from tests.allowances.charges import Backend, InFile, InMemory, InRedis
from tests.allowances.redis_server import RedisServer
from tests.harness.patience import SOON

_prefixes = (f"gateway {number}" for number in itertools.count())


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    yield server
    server.kill()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis may take its time, as on a busy machine: for tests of something else."""
    for name in ("TIME_OUT", "PATIENT_TIME_OUT"):
        monkeypatch.setattr(redis, name, SOON)


@pytest.fixture
def in_redis(redis_server: RedisServer, patient: None) -> InRedis:
    return InRedis(redis_server.url, next(_prefixes))


@pytest.fixture
def in_file(tmp_path: Path) -> InFile:
    return InFile(tmp_path / "allowances")


@pytest.fixture(params=["in_memory", "in_file", "in_redis"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each of them."""
    if request.param == "in_memory":
        return InMemory()
    chosen: Backend = request.getfixturevalue(request.param)
    return chosen

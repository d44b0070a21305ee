"""Two workers that look at rights often, and people who look at their streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.allowances.redis_server import RedisServer
from tests.harness.configure import Standing, unique
from tests.harness.forms import delete_users
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows


@pytest.fixture(scope="module")
def two_workers(live_database: None, standing: Standing) -> Iterator[Gateway]:
    """Pages are inline, so either worker may have a watcher."""
    running = Gateway("live", workers=2, env={"LIVE_CHECK_SECONDS": "0.5"})
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """A Redis."""
    running = RedisServer()
    running.start()
    yield running
    running.kill()


@pytest.fixture
def person(orm: Rows) -> Iterator[Callable[..., User]]:
    """Makes people."""
    made = []

    def make(**fields: Any) -> User:
        user = User.objects.create_user(unique("watcher"), **fields)
        made.append(user.username)
        return user

    yield make
    delete_users(username__in=made)

"""The rigs. TEST_DATABASE says which one this run attacks: sqlite is A, postgresql is B."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import environ
import pytest
from django.test import override_settings

from proxysite.quickstart import secrets
from tests.attack.rig.marks import Marks
from tests.attack.rig.rig import Rig
from tests.harness import database
from tests.harness.gateway import ROOT, Gateway
from tests.harness.http.nginx import running_nginx
from tests.harness.upstream import Upstream

NAME = "A" if database.KIND == "sqlite" else "B"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Everything here is an attack; a probe of the other rig is no part of this run."""
    other = []
    for item in items:
        if "tests/attack/" in item.path.as_posix():
            item.add_marker(pytest.mark.attack)
            item.add_marker(pytest.mark.database)
            only = item.get_closest_marker("rig")
            if only is not None and NAME not in only.args:
                other.append(item)
    if other:
        config.hook.pytest_deselected(items=other)
        items[:] = [item for item in items if item not in other]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """A failed probe shows what the server complained of."""
    report = yield
    rig = getattr(item, "funcargs", {}).get("rig")
    if report.failed and isinstance(rig, Rig):
        report.sections.append((f"complaints of rig {rig.name}", rig.gateway.complaints()))
    return report


@pytest.fixture(scope="session")
def _running_rig(live_database: None, upstream: Upstream, django_db_blocker: Any) -> Iterator[Rig]:
    marks = Marks()
    marks.make("variable of the environment")
    env = {"PAYROLL_PASSWORD": marks["variable of the environment"]}
    with contextlib.ExitStack() as stack:
        stack.enter_context(django_db_blocker.unblock())
        stack.enter_context(database.live_connection())
        rig = (_rig_a if NAME == "A" else _rig_b)(stack, env, upstream, marks)
        rig.set_up()
        yield rig
        # Whatever the probes did, none of it brought a secret into the log.
        assert marks.found_in(rig.gateway.logs()) == []


@pytest.fixture
def rig(_running_rig: Rig, django_db_blocker: Any) -> Iterator[Rig]:
    """The rig of this run; the ORM is on its database."""
    with django_db_blocker.unblock(), database.live_connection():
        yield _running_rig


def _rig_a(stack: contextlib.ExitStack, env: dict[str, str], upstream: Upstream, marks: Marks) -> Rig:
    """What `make run` leaves: secrets that it made, its first configuration, one worker."""
    gateway = Gateway("rig-A", env={**env, "DEMO_UPSTREAM": "true"})
    folder = Path(gateway.environment["DATA_DIR"])
    secrets.ensure(folder)
    made = dict(line.split("=", 1) for line in (folder / secrets.FILE_NAME).read_text().splitlines() if line[0] != "#")
    gateway.environment.update(made)
    _know_secrets(stack, gateway, marks)
    quickstart = [sys.executable, "-m", "proxysite.quickstart", "--port", str(gateway.port)]
    printed = subprocess.run(quickstart, cwd=ROOT, env=gateway.environment, capture_output=True, text=True, check=True)
    marks.add("password of the first superuser", re.search(r"Sign in +\S+ / (\S+)", printed.stdout)[1])  # type: ignore[index]
    marks.add("first client key", re.search(r"ANTHROPIC_AUTH_TOKEN=(\S+)", printed.stdout)[1])  # type: ignore[index]
    stack.callback(gateway.stop)
    return Rig("A", gateway.start(), 1, upstream, marks)


def _rig_b(stack: contextlib.ExitStack, env: dict[str, str], upstream: Upstream, marks: Marks) -> Rig:
    """What docs/operations.md describes: two workers, PostgreSQL, nginx."""
    # PostgreSQL lets everybody in here, whatever the password: it is there to be looked for.
    url = environ.Env.db_url_config(database.live_url())
    password = marks.make("password of the database")
    with_password = f"postgresql://postgres:{password}@/{url['NAME']}?host={url['OPTIONS']['host']}"
    gateway = Gateway("rig-B", workers=2, env={**env, "DATABASE_URL": with_password})
    _know_secrets(stack, gateway, marks)
    stack.callback(gateway.stop)
    rig = Rig("B", gateway.start(), 2, upstream, marks)
    folder = database.FOLDER / "rig-nginx"
    folder.mkdir()
    rig.port = stack.enter_context(running_nginx(folder, [gateway.port]))
    return rig


def _know_secrets(stack: contextlib.ExitStack, gateway: Gateway, marks: Marks) -> None:
    """This process signs and encrypts as the gateway does, and looks for what it does that with."""
    key, keys = gateway.environment["SECRET_KEY"], gateway.environment["ENCRYPTION_KEYS"]
    marks.add("SECRET_KEY", key)
    marks.add("ENCRYPTION_KEYS", keys)
    stack.enter_context(override_settings(SECRET_KEY=key, ENCRYPTION_KEYS=[keys]))

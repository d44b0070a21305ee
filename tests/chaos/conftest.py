"""Fixtures of the chaos tests: each gets an arena with a database of its own, on the kind that the run is for."""

from __future__ import annotations

import random
import re
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from tests.chaos import tally
from tests.chaos.arena import Arena, arena_in
from tests.chaos.databases import Databases, orm_on
from tests.harness import database as harness


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is chaos, and runs on both databases."""
    for item in items:
        if "tests/chaos/" in item.path.as_posix():
            item.add_marker(pytest.mark.chaos)
            item.add_marker(pytest.mark.both_databases)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """A failed test shows what its servers complained of."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Arena):
                report.sections += [(f"complaints of {s.log_file.name}", s.complaints()) for s in value.servers]
    return report


def pytest_report_header() -> str:
    """The seed, for whoever wants the same run again."""
    return f"chaos: seed {tally.SEED}"


@pytest.fixture(scope="session")
def databases(django_db_blocker: Any) -> Iterator[Databases]:
    """The maker of databases."""
    made = Databases(harness.FOLDER / "chaos", harness.KIND)
    try:
        with django_db_blocker.unblock():
            made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def arena(databases: Databases, request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[Arena]:
    """This test's own world. Its random numbers follow from the seed and the test's name."""
    database = databases.make()
    name = re.sub(r"\W+", "-", request.node.name)[:60]
    rng = random.Random(f"{tally.SEED} {name}")
    with django_db_blocker.unblock(), orm_on(database.url), arena_in(name, database, rng) as made:
        yield made

"""Chromium for the tests of this folder, all of which are marked `e2e`, and somebody who signs in with it."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.visits import PHONE, Visits
from tests.harness import programs, summary
from tests.harness.configure import unique
from tests.harness.forms import PASSWORD, delete_users
from tests.harness.patience import PATIENCE
from tests.harness.rows import Rows

_FOLDER = Path(__file__).parent
_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
_FAILED = pytest.StashKey[bool]()
expect.set_options(timeout=PATIENCE * 1000)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder."""
    for item in items:
        if item.path.is_relative_to(_FOLDER):
            item.add_marker("e2e")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember that a test failed, for its pages to be kept."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser that the tests of a process share.

    Playwright's event loop counts as running in this thread as long as it is there: Django is told that its ORM may be
    used all the same, and the browser goes before tests of other folders begin, which run loops of their own.
    """
    with pytest.MonkeyPatch.context() as patched, sync_playwright() as playwright:
        patched.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=programs.find("chromium"), args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visits(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Visits]:
    """Visits by any number of people; at the end nothing may have gone wrong in any (`Visits.complaints`)."""
    made = Visits(chromium)
    yield made
    if made.complaints or request.node.stash.get(_FAILED, False):
        name = re.sub(r"\W+", "-", request.node.nodeid.removeprefix("tests/browser/"))
        for picture in made.keep(summary.RESULTS / "e2e", name):
            print(f"The page at the end: {picture}")
    made.end()
    assert made.complaints == [], "what browsers complained of; a test that provokes it takes it out"


@pytest.fixture
def visitor(visits: Visits) -> Page:
    """A page of somebody who has not signed in, in a window of 1440x900."""
    return visits.begin()


@pytest.fixture
def phone(visits: Visits) -> Page:
    """A page of somebody who has not signed in, on a phone of 390x844."""
    return visits.begin(PHONE, has_touch=True, is_mobile=True)


@pytest.fixture
def administrator(orm: Rows) -> Iterator[str]:
    """The name of a superuser on the database that tests share."""
    name = unique("administrator")
    get_user_model().objects.create_superuser(name, password=PASSWORD)
    yield name
    delete_users(username=name)

"""Sign-ins at a running gateway: two workers count together, and a crowd of attempts leaves probes alone."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.contrib.auth.models import User

from tests.harness.forms import PASSWORD
from tests.harness.gateway import Gateway
from tests.harness.patience import PATIENCE
from tests.harness.rows import Rows

pytestmark = pytest.mark.both_databases
NAME = "sign-in-live"


@pytest.fixture
def two_workers(own_database: Rows) -> Iterator[str]:
    """The address of a gateway of two workers, with a superuser who can sign in."""
    User.objects.create_superuser(NAME, password=PASSWORD)
    running = Gateway("sign-in", workers=2)
    try:
        yield running.start().base_url
    finally:
        running.stop()


@contextlib.contextmanager
def _browser(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, trust_env=False, timeout=PATIENCE) as browser:
        browser.get("/admin/login/")
        yield browser


def _attempt(browser: httpx.Client, password: str, name: str = NAME) -> int:
    fields = {"username": name, "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    return browser.post("/admin/login/", data=fields).status_code


def test_two_workers_count_together_and_a_known_device_gets_in(two_workers: str) -> None:
    with _browser(two_workers) as mine:
        assert _attempt(mine, PASSWORD) == 302
        statuses = []
        for _ in range(12):
            # A connection each, so that either worker may take it.
            with _browser(two_workers) as theirs:
                statuses.append(_attempt(theirs, "wrong"))
        assert statuses == [200] * 5 + [429] * 7
        with _browser(two_workers) as stranger:
            assert _attempt(stranger, PASSWORD) == 429
        assert _attempt(mine, PASSWORD) == 302


def test_a_crowd_of_attempts_is_refused_while_probes_are_answered(two_workers: str) -> None:
    ended = threading.Event()
    probes: list[int] = []

    def probe() -> None:
        with httpx.Client(base_url=two_workers, trust_env=False, timeout=PATIENCE) as http:
            while not ended.is_set():
                probes.append(http.get("/healthz").status_code)

    with contextlib.ExitStack() as browsers, ThreadPoolExecutor(26) as pool:
        known = browsers.enter_context(_browser(two_workers))
        assert _attempt(known, PASSWORD) == 302
        probing = pool.submit(probe)
        crowd = [browsers.enter_context(_browser(two_workers)) for _ in range(24)]
        attempts = [pool.submit(_attempt, one, "wrong", f"name-{n}") for n, one in enumerate(crowd)]
        mine = pool.submit(_attempt, known, PASSWORD)
        statuses = Counter(attempt.result() for attempt in attempts)
        assert mine.result() == 302
        ended.set()
        probing.result()
    assert set(statuses) <= {200, 429}
    # Twenty attempts at most from one address, whatever the workers' queues take of them.
    assert 4 <= statuses[200] <= 20
    assert set(probes) == {200}

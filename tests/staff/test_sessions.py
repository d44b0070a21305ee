"""Sessions: how long they last, used and unused, in every worker. The database holds nothing to sign in with."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access.sign_in import middleware
from access.sign_in.sessions import SessionStore, row_key

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
HOUR = 3600


class Clock:
    """The time that sessions are counted by."""

    now = 1_800_000_000.0

    def time(self) -> float:
        """Seconds since 1970."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands still until the test moves it."""
    clock = Clock()
    monkeypatch.setattr(middleware, "time", clock)
    return clock


@pytest.fixture
def browser(clock: Clock) -> Client:
    """A signed-in superuser."""
    browser = Client()
    browser.force_login(User.objects.create_superuser("boss"))
    return browser


def _inside(browser: Client) -> bool:
    answer = browser.get("/admin/auth/user/")
    assert answer.status_code == 200 or answer["Location"].startswith("/admin/login/")
    return answer.status_code == 200


def _another_worker(browser: Client) -> Client:
    other = Client()
    other.cookies["sessionid"] = browser.cookies["sessionid"].value
    return other


def test_a_session_that_is_not_used_ends_for_good(browser: Client, clock: Clock, settings: Any) -> None:
    settings.SESSION_IDLE_SECONDS, settings.SESSION_MAX_SECONDS = HOUR, 0
    stolen = _another_worker(browser)
    for _ in range(5):
        clock.now += HOUR - 60
        assert _inside(browser)
    clock.now += HOUR + 1
    assert not _inside(stolen)
    assert not _inside(browser)
    assert not Session.objects.exists()


def test_a_session_that_is_used_all_the_time_ends_too(browser: Client, clock: Clock, settings: Any) -> None:
    settings.SESSION_IDLE_SECONDS, settings.SESSION_MAX_SECONDS = HOUR, 3 * HOUR
    stolen = _another_worker(browser)
    for _ in range(6):
        clock.now += HOUR / 2
        assert _inside(browser)
        assert _inside(stolen)
    clock.now += 1
    assert not _inside(browser)
    assert not _inside(stolen)


def test_signing_in_again_begins_anew(browser: Client, clock: Clock, settings: Any) -> None:
    settings.SESSION_IDLE_SECONDS, settings.SESSION_MAX_SECONDS = 0, 3 * HOUR
    clock.now += 2 * HOUR
    browser.force_login(User.objects.get())
    clock.now += 2 * HOUR
    assert _inside(browser)


def test_zero_is_no_limit(browser: Client, clock: Clock, settings: Any) -> None:
    settings.SESSION_IDLE_SECONDS = settings.SESSION_MAX_SECONDS = 0
    clock.now += 1000 * HOUR
    assert _inside(browser)


def test_a_session_without_times_begins_with_its_next_request(browser: Client, clock: Clock, settings: Any) -> None:
    settings.SESSION_IDLE_SECONDS, settings.SESSION_MAX_SECONDS = HOUR, 3 * HOUR
    session = browser.session
    del session[middleware.SIGNED_IN], session[middleware.SEEN]
    session.save()
    assert _inside(browser)
    clock.now += HOUR + 1
    assert not _inside(browser)


def test_the_time_of_use_is_written_once_a_minute(browser: Client, clock: Clock) -> None:
    def writes() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert _inside(browser)
        return sum("UPDATE" in query["sql"] and "django_session" in query["sql"] for query in queries)

    clock.now += 61
    assert [writes(), writes(), writes()] == [1, 0, 0]
    clock.now += 61
    assert writes() == 1


def test_what_the_database_holds_of_a_session_signs_nobody_in(browser: Client) -> None:
    key = browser.cookies["sessionid"].value
    row = Session.objects.get()
    assert row.pk == row_key(key) != key
    assert key not in row.session_data
    thief = Client()
    thief.cookies["sessionid"] = row.pk
    assert not _inside(thief)
    assert _inside(browser)


def test_sessions_are_stored_found_renewed_and_deleted_as_ever(browser: Client) -> None:
    store = SessionStore()
    store["a"] = 1
    store.save()
    key = store.session_key
    assert key is not None
    assert SessionStore(key)["a"] == 1
    assert store.exists(key)
    store.cycle_key()
    assert store.session_key != key
    assert not store.exists(key)
    assert SessionStore(store.session_key)["a"] == 1
    assert SessionStore("unknown" * 5).load() == {}
    store.flush()
    assert Session.objects.count() == 1
    browser.post("/admin/logout/")
    assert not Session.objects.exists()
    call_command("clearsessions")

"""Leaving in a gateway of two workers: keys, sessions and rights end in each of them within a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser

from access.models import Membership, Team
from tests.harness.call import Client
from tests.harness.configure import Key, make_key, unique
from tests.harness.forms import delete_users, fields_of
from tests.harness.gateway import Gateway
from tests.harness.patience import PATIENCE, at_best, until
from tests.harness.rows import Rows

pytestmark = pytest.mark.both_databases
ONE_SECOND = 1.0


@pytest.fixture(scope="module")
def workers(live_database: None) -> Iterator[Gateway]:
    """Two workers."""
    running = Gateway("leaving", workers=2)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def team(orm: Rows) -> Team:
    """A team."""
    return Team.objects.create(name=unique("team"))


@pytest.fixture
def owner(orm: Rows) -> Iterator[User]:
    """The owner of the gateway, and a second one: the last cannot be disabled."""
    people = [User.objects.create_superuser(unique("owner")) for _ in range(2)]
    yield people[0]
    delete_users(pk__in=[person.pk for person in people])


def _person(team: Team, role: str = "member") -> User:
    person = User.objects.create_user(unique("person"))
    Membership.objects.create(team=team, user=person, role=role)
    return person


def _session(workers: Gateway, person: User) -> httpx.Client:
    """A browser that is signed in; each request on a connection of its own, so that either worker may take it."""
    signed_in = Browser()
    signed_in.force_login(person)
    cookies = {name: cookie.value for name, cookie in signed_in.cookies.items()}
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(base_url=workers.base_url, cookies=cookies, trust_env=False, timeout=PATIENCE, limits=limits)


def _statuses(workers: Gateway, key: Key) -> set[int]:
    # A connection each.
    return {Client(workers.base_url, key.secret).get("/v1/models").status for _ in range(8)}


def _pages(session: httpx.Client, path: str = "/my/") -> set[int]:
    return {session.get(path).status_code for _ in range(8)}


def _submit(session: httpx.Client, path: str, **changes: str) -> httpx.Response:
    return session.post(path, data={**fields_of(session.get(path).text), **changes})


def _ends(workers: Gateway, key: Key, act: Callable[[], object], status: int) -> float:
    """The seconds until a key that is in force in both workers has ended in both."""
    workers.wait_snapshot()
    assert _statuses(workers, key) == {200}
    act()
    began = time.monotonic()
    until(lambda: _statuses(workers, key) == {status}, "an end of the key in both workers")
    return time.monotonic() - began


def test_who_is_disabled_has_neither_keys_nor_sessions(workers: Gateway, team: Team, owner: User) -> None:
    at_best(ONE_SECOND, lambda: _disabled(workers, team, owner))


def _disabled(workers: Gateway, team: Team, owner: User) -> float:
    person = _person(team)
    key = make_key(team, owner=person)
    with _session(workers, person) as theirs, _session(workers, owner) as admin:
        assert _pages(theirs) == {200}

        def disable() -> None:
            path = f"/admin/auth/user/{person.pk}/change/"
            fields = {name: value for name, value in fields_of(admin.get(path).text).items() if name != "is_active"}
            assert admin.post(path, data=fields).status_code == 302
            # At once: nothing of a session is remembered in a worker.
            assert _pages(theirs) == {302}

        took = _ends(workers, key, disable, 403)
        person.refresh_from_db()
        assert not person.is_active
    return took


def test_who_leaves_or_is_removed_has_no_keys_and_no_rights_there(workers: Gateway, team: Team, owner: User) -> None:
    at_best(ONE_SECOND, lambda: _left(workers, team))


def _left(workers: Gateway, team: Team) -> float:
    lead, member = _person(team, "lead"), _person(team)
    with _session(workers, member) as theirs, _session(workers, lead) as leads_own:
        took = _ends(workers, make_key(team, owner=member), lambda: _submit(theirs, f"/my/teams/{team.pk}/leave/"), 401)
        assert _pages(theirs, f"/my/teams/{team.pk}/leave/") == {404}
        # As on an owner's page, or in a shell.
        key = make_key(team, owner=lead)
        removed = _ends(workers, key, Membership.objects.filter(user=lead, team=team).delete, 403)
        assert _pages(leads_own, f"/my/teams/{team.pk}/leave/") == {404}
        assert _pages(leads_own) == {200}
    return max(took, removed)


def test_a_new_password_ends_the_other_sessions(workers: Gateway, team: Team) -> None:
    from access.sign_in.reset import link_for

    person = _person(team)
    person.set_password("a-long-test-password-7")
    person.save()
    with (
        _session(workers, person) as theirs,
        httpx.Client(trust_env=False, follow_redirects=True, timeout=PATIENCE) as browser,
    ):
        assert _pages(theirs) == {200}
        form = browser.get(link_for(person, workers.base_url))
        chosen = {"new_password1": "another-long-word-3", "new_password2": "another-long-word-3"}
        answer = browser.post(form.url, data={**fields_of(form.text), **chosen}, headers={"referer": str(form.url)})
        assert answer.url.path == "/my/login/"
        assert _pages(theirs) == {302}

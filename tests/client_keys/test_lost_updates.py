"""What somebody else changed while a page was open, or while its form was saved, stays: keys, teams, people."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, connection
from django.test import Client
from django.utils import timezone

from access import key_actions, memberships
from access.admin.key_form import ClientKeyForm
from access.models import ClientKey, Membership, Team
from configuration.apply import teams as import_of_teams
from configuration.apply.import_configuration import import_configuration
from configuration.file.reading import read_text
from proxysite.admin.user_form import UserForm
from proxysite.console.lost_updates import MergingForm
from proxysite.people.forms import PasswordOfUserForm
from proxysite.people.passwords import OwnPasswordForm
from routing.models import Route
from tests.admin.pages import errors_of, form_of, text_of
from tests.harness.configure import make_key
from tests.harness.patience import PATIENCE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

ADD = "/admin/access/clientkey/add/"
NEW = {"old_password": "a-long-word-2", "new_password1": "another-word-3", "new_password2": "another-word-3"}


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="Search")


@pytest.fixture
def mia(team: Team) -> User:
    """A member of the team."""
    user = User.objects.create_user("mia", password="a-long-word-2")
    Membership.objects.create(team=team, user=user)
    return user


class Meanwhile:
    """Does something in another connection once, when a method is called; the other may have to wait for us."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)
        self._done: Future[None] | None = None

    def during(self, monkeypatch: pytest.MonkeyPatch, owner: Any, method: str, act: Callable[[], object]) -> None:
        """Lets `act` happen behind the method."""
        before = getattr(owner, method)

        def both(*args: Any, **options: Any) -> Any:
            found = before(*args, **options)
            if self._done is None:
                self._done = self.pool.submit(self._run, act)
                threading.Event().wait(0.3)
            return found

        monkeypatch.setattr(owner, method, both)

    @staticmethod
    def _run(act: Callable[[], object]) -> None:
        try:
            act()
        finally:
            connection.close()

    def wait(self) -> None:
        """Waits until the other has done it."""
        assert self._done is not None, "nothing called the method"
        self._done.result(PATIENCE)


@pytest.fixture
def meanwhile() -> Iterator[Meanwhile]:
    """What another does meanwhile."""
    one = Meanwhile()
    yield one
    one.pool.shutdown()


def _url(row: Any) -> str:
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"


def _saved(browser: Client, row: Any, **changes: Any) -> None:
    sent = {**form_of(browser.get(_url(row))), **changes}
    page = browser.post(_url(row), sent)
    assert page.status_code == 302, page.context["errors"]


@pytest.mark.parametrize("action", ["revoke", "disable", "rotate"])
def test_the_form_of_a_key_undoes_nothing_that_happens_while_it_is_saved(
    action: str, team: Team, admin_client: Client, admin_user: User, meanwhile: Meanwhile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    key = make_key(team).row
    meanwhile.during(monkeypatch, ClientKeyForm, "clean", lambda: getattr(key_actions, action)(admin_user, key))
    _saved(admin_client, key, tags="ci")
    meanwhile.wait()
    now = ClientKey.objects.get(pk=key.pk)
    assert now.tags == "ci"
    assert (now.revoked_at or now.disabled_at or now.previous_hash) is not None


@pytest.mark.parametrize(
    ("row", "form", "others", "ours"),
    [
        ("person", UserForm, {"is_active": False, "email": "a@b.example"}, {"first_name": "Mia"}),
        ("team", MergingForm, {"enabled": False}, {"notes": "new"}),
    ],
)
def test_the_pages_of_teams_and_users_undo_nothing_that_happens_while_they_are_saved(
    row: str, form: Any, others: dict[str, Any], ours: dict[str, str], team: Team, mia: User, admin_client: Client,
    meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    shown: Any = {"team": team, "person": mia}[row]
    rows = type(shown).objects.filter(pk=shown.pk)
    meanwhile.during(monkeypatch, form, "clean", lambda: rows.update(**others))
    _saved(admin_client, shown, **ours)
    meanwhile.wait()
    assert rows.values(*others, *ours).get() == others | ours


@pytest.mark.parametrize("other", ["leaves", "takes the name"])
def test_the_form_of_a_new_key_is_not_overtaken(
    other: str, team: Team, mia: User, admin_client: Client, admin_user: User, meanwhile: Meanwhile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    membership = Membership.objects.get()

    def take_the_name() -> None:
        with pytest.raises(IntegrityError):
            key_actions.create(admin_user, ClientKey(team=team, name="laptop"))

    act = {"leaves": lambda: memberships.leave(membership), "takes the name": take_the_name}[other]
    sent = {**form_of(admin_client.get(ADD)), "team": team.pk, "owner": mia.pk, "name": "laptop"}
    meanwhile.during(monkeypatch, ClientKeyForm, "clean", act)
    page = admin_client.post(ADD, sent)
    meanwhile.wait()
    key = ClientKey.objects.get()
    assert key.prefix in text_of(page)
    assert (key.owner, key.revoked_at is not None) == (mia, other == "leaves")


@pytest.mark.parametrize(("page", "form"), [("/my/password_change/", OwnPasswordForm), (None, PasswordOfUserForm)])
def test_a_new_password_lets_nobody_in_again(
    page: str | None, form: Any, mia: User, admin_client: Client, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = admin_client if page is None else Client()
    if page is not None:
        browser.force_login(mia)
    # Beside the question for the person, and before the hash that takes so long.
    meanwhile.during(monkeypatch, form, "clean", lambda: User.objects.filter(pk=mia.pk).update(is_active=False))
    both = {"password1": "another-word-3", "password2": "another-word-3", "usable_password": "true"}
    answer = browser.post(page or f"/admin/auth/user/{mia.pk}/password/", {**NEW, **both})
    assert answer.status_code == 302, answer.content
    meanwhile.wait()
    mia.refresh_from_db()
    assert (mia.is_active, mia.check_password("another-word-3")) == (False, True)


@pytest.mark.parametrize("row", ["team", "person"])
def test_a_page_that_was_opened_before_undoes_nothing(row: str, team: Team, mia: User, admin_client: Client) -> None:
    shown = {"team": team, "person": mia}[row]
    sent = form_of(admin_client.get(_url(shown)))
    Team.objects.filter(pk=team.pk).update(enabled=False, notes="new")
    User.objects.filter(pk=mia.pk).update(is_active=False, email="new@b.example")
    Membership.objects.update(role="lead")
    changed = {"team": {"name": "Find"}, "person": {"first_name": "Mia"}}[row]
    assert admin_client.post(_url(shown), {**sent, **changed}).status_code == 302
    team.refresh_from_db()
    mia.refresh_from_db()
    assert (team.enabled, team.notes, mia.is_active, mia.email) == (False, "new", False, "new@b.example")
    assert changed.items() <= {"name": team.name, "first_name": mia.first_name}.items()
    assert Membership.objects.get().role == "lead"


def test_a_key_keeps_what_another_changed_since_its_page_was_opened(team: Team, admin_client: Client) -> None:
    for name in ("big", "small"):
        Route.objects.create(name=name)
    key = make_key(team, allowed_routes="big\nclaude-*", tags="ci").row
    sent = form_of(admin_client.get(_url(key)))
    soon = timezone.now().replace(microsecond=0)
    ClientKey.objects.update(allowed_routes="small\nclaude-*", expires_at=soon, allowed_networks="10.0.0.0/8")
    assert admin_client.post(_url(key), {**sent, "tags": "nightly"}).status_code == 302
    key.refresh_from_db()
    assert (key.tags, key.allowed_networks, key.expires_at) == ("nightly", "10.0.0.0/8", soon)
    assert key.allowed_routes.splitlines() == ["small", "claude-*"]
    assert admin_client.post(_url(key), {**sent, "allowed_routes": ""}).status_code == 302
    key.refresh_from_db()
    assert key.allowed_routes == "small"
    # A script that sends no values of before changes what differs.
    plain = {name: value for name, value in sent.items() if not name.startswith("initial-")}
    assert admin_client.post(_url(key), {**plain, "allowed_networks": ""}).status_code == 302
    key.refresh_from_db()
    assert (key.tags, key.allowed_networks, key.expires_at) == ("ci", "", None)


def test_a_list_that_was_empty_stays_as_another_filled_it(team: Team, mia: User, admin_client: Client) -> None:
    Route.objects.create(name="small")
    key = make_key(team, tags="ci").row
    group = Group.objects.create(name="Search")
    of_key, of_mia = (form_of(admin_client.get(_url(row))) for row in (key, mia))
    ClientKey.objects.update(allowed_routes="small")
    mia.groups.add(group)
    assert admin_client.post(_url(key), {**of_key, "tags": "nightly"}).status_code == 302
    assert admin_client.post(_url(mia), {**of_mia, "first_name": "Mia"}).status_code == 302
    key.refresh_from_db()
    assert (key.tags, key.allowed_routes) == ("nightly", "small")
    assert [*mia.groups.all()] == [group]
    # A list that was empty is filled from here, too.
    mia.groups.clear()
    assert admin_client.post(_url(mia), {**of_mia, "groups": [group.pk]}).status_code == 302
    assert [*mia.groups.all()] == [group]


@pytest.mark.parametrize(
    ("row", "field", "unique"), [("key", "expires_at", "name"), ("person", "last_login", "username")]
)
def test_a_time_that_was_sent_with_an_error_is_saved_with_its_correction(
    row: str, field: str, unique: str, team: Team, mia: User, admin_client: Client, admin_user: User
) -> None:
    make_key(team, name="admin")
    shown: Any = {"key": make_key(team, name="CI").row, "person": mia}[row]
    time = {f"{field}_0": "2099-01-02", f"{field}_1": "03:04:05"}
    wrong = admin_client.post(_url(shown), {**form_of(admin_client.get(_url(shown))), **time, unique: "admin"})
    assert list(errors_of(wrong)) == [unique]
    assert admin_client.post(_url(shown), {**form_of(wrong), unique: "laptop"}).status_code == 302
    shown.refresh_from_db()
    assert getattr(shown, unique) == "laptop"
    assert getattr(shown, field) == datetime(2099, 1, 2, 3, 4, 5, tzinfo=timezone.get_default_timezone())


def test_a_new_key_is_checked_where_its_page_was_opened_with_a_team_and_an_owner(
    mia: User, admin_client: Client
) -> None:
    other = Team.objects.create(name="Other")
    sent = form_of(admin_client.get(f"{ADD}?team={other.pk}&owner={mia.pk}&name=laptop"))
    assert [*errors_of(admin_client.post(ADD, sent))] == ["owner"]


def test_an_import_undoes_nothing_that_happens_while_it_runs(
    team: Team, admin_user: User, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(team, name="CI").row
    meanwhile.during(monkeypatch, import_of_teams, "_imported_hash", lambda: key_actions.revoke(admin_user, key))
    import_configuration(read_text("version: 1\nteams: [{name: Search, keys: [{name: CI, tags: [ci]}]}]"), write=True)
    meanwhile.wait()
    now = ClientKey.objects.get()
    assert (now.tags, now.revoked_at is not None) == ("ci", True)


def test_a_key_that_is_made_while_its_owner_leaves_ends_with_the_others(
    team: Team, mia: User, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    membership = Membership.objects.get()
    meanwhile.during(monkeypatch, key_actions, "owner_error", lambda: memberships.leave(membership))
    key_actions.create(mia, ClientKey(team=team, owner=mia, name="laptop"))
    meanwhile.wait()
    assert not Membership.objects.exists()
    assert not ClientKey.objects.filter(revoked_at=None).exists()

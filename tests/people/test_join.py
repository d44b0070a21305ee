"""Accepting an invitation in a browser: nothing by opening the link, everything by a form that asks."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from access import invitations
from access.models import Invitation, Membership, Team
from access.sign_in import hashing
from proxysite.people.forms import AccountForm
from tests.admin.pages import links_of, text_of

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-test-password-7"
JOIN = "/my/join/"


@pytest.fixture
def owner() -> User:
    """The owner of the gateway."""
    return User.objects.create_superuser("ona")


@pytest.fixture
def team() -> Team:
    """A team."""
    return Team.objects.create(name="Blue")


@pytest.fixture
def token(owner: User, team: Team) -> str:
    """The token of an open invitation of a member."""
    return invitations.invite(owner, team, email="mia@example.com").token


def _open(token: str, browser: Client | None = None) -> tuple[Client, Any]:
    """A browser that checks tokens against cross-site requests, and the page behind a link."""
    browser = browser or Client(enforce_csrf_checks=True)
    return browser, browser.get(f"{JOIN}{token}/", follow=True)


def _send(browser: Client, page: Any, **fields: str) -> Any:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
    return browser.post(JOIN, {"csrfmiddlewaretoken": found[1] if found else "", **fields})


def _account(name: str = "mia", password: str = PASSWORD, **fields: str) -> dict[str, str]:
    return {"username": name, "email": "", "password1": password, "password2": password, **fields}


def test_a_new_person_makes_an_account_and_is_signed_in(token: str, team: Team) -> None:
    browser, page = _open(token)
    assert page.redirect_chain == [(JOIN, 302)]
    assert "ona invites you to the team Blue as a member" in text_of(page)
    assert 'value="mia@example.com"' in page.content.decode()
    assert not Membership.objects.exists()
    answer = _send(browser, page, **_account(email="mia@example.com"))
    assert (answer.status_code, answer["Location"]) == (302, "/my/")
    person = User.objects.get(username="mia")
    assert (person.is_staff, person.is_superuser, person.email) == (False, False, "mia@example.com")
    assert Membership.objects.get().user == person
    assert browser.get("/my/").status_code == 200
    assert browser.post("/my/login/", {"username": "mia", "password": PASSWORD}).status_code in {302, 403}


def test_the_token_is_in_no_page_session_or_header(token: str) -> None:
    browser = Client()
    first = browser.get(f"{JOIN}{token}/")
    assert first["Referrer-Policy"] == "no-referrer"
    assert "no-store" in first["Cache-Control"]
    cookie = first.cookies["invitation"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/my/")
    page = browser.get(first["Location"])
    assert token not in page.content.decode() + str(page.headers)
    assert "no-store" in page["Cache-Control"]
    # With no-referrer a browser would send its form with `Origin: null`, which is refused.
    assert page["Referrer-Policy"] == "same-origin"
    assert "sessionid" not in browser.cookies


def test_a_form_without_the_token_of_the_page_changes_nothing(token: str) -> None:
    browser, _ = _open(token)
    assert browser.post(JOIN, _account()).status_code == 403
    assert not User.objects.filter(username="mia").exists()


def test_an_account_signs_in_confirms_and_only_then_is_in(token: str, team: Team) -> None:
    User.objects.create_user("mia", password=PASSWORD)
    browser, page = _open(token, Client())
    address = links_of(page)["Sign in"]
    assert address == "/my/login/?next=/my/join/"
    answer = browser.post(address, {"username": "mia", "password": PASSWORD, "next": JOIN})
    assert answer["Location"] == JOIN
    page = browser.get(JOIN)
    assert "The invitation was sent to mia@example.com" in text_of(page)
    assert "Join as mia" in text_of(page)
    assert not Membership.objects.exists()
    person = str(User.objects.get(username="mia").pk)
    assert _send(browser, page, person=person)["Location"] == "/my/"
    assert Membership.objects.get().team == team


def test_whoever_is_signed_in_as_somebody_else_can_go_on_as_another(token: str) -> None:
    other = User.objects.create_user("noah")
    browser = Client()
    browser.force_login(other)
    _, page = _open(token, browser)
    # Another tab signs in as somebody else: the first tab's button joins nobody.
    third = User.objects.create_user("third")
    browser.force_login(third)
    again = _send(browser, page, person=str(other.pk))
    assert "Join as third" in text_of(again)
    assert not Membership.objects.exists()
    answer = browser.post("/my/logout/", {"next": JOIN}, follow=True)
    assert answer.redirect_chain[-1][0] == JOIN
    assert "Make the account and join" in text_of(answer)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (_account("ONA"), "This name is taken"),
        (_account("mia mia"), "valid username"),
        (_account(password="xq7-z"), "too short"),
        (_account(password="password123"), "too common"),
        (_account(password2="another-long-word-3"), "match"),
        (_account(email="nowhere"), "valid email"),
    ],
)
def test_errors_stand_in_the_form_and_use_nothing_up(token: str, fields: dict[str, str], words: str) -> None:
    browser, page = _open(token)
    answer = _send(browser, page, **fields)
    assert answer.status_code == 200
    assert words in text_of(answer)
    assert fields["password1"] not in answer.content.decode()
    assert User.objects.count() == 1
    assert _send(browser, page, **_account("other-name"))["Location"] == "/my/"


def test_a_full_queue_of_hashes_uses_nothing_up(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, page = _open(token)
    monkeypatch.setattr(hashing, "WAITING", 0)
    assert "Try again in a few seconds" in text_of(_send(browser, page, **_account()))
    monkeypatch.undo()
    assert _send(browser, page, **_account())["Location"] == "/my/"


def test_each_way_that_a_link_ends_has_its_page(token: str, owner: User, team: Team) -> None:
    User.objects.create_superuser("second owner")
    row = Invitation.objects.all()
    seen = {}

    def look(state: str, browser: Client | None = None) -> None:
        page = _open(token, browser)[1]
        seen[state] = page.status_code
        assert state in text_of(page), text_of(page)
        assert "sign in" in text_of(page).lower()

    assert "This link is not valid" in text_of(_open("x" * 500)[1])
    row.update(expires_at=timezone.now() - timedelta(seconds=1))
    look("This invitation has expired")
    row.update(expires_at=timezone.now() + timedelta(days=1))
    Team.objects.update(enabled=False)
    look("This team is disabled")
    Team.objects.update(enabled=True)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    look("This invitation has ended")
    User.objects.filter(pk=owner.pk).update(is_active=True)
    member = User.objects.create_user("noah")
    Membership.objects.create(team=team, user=member)
    noah = Client()
    noah.force_login(member)
    assert "You are in this team already" in text_of(_open(token, noah)[1])
    row.update(revoked_at=timezone.now())
    look("This invitation was revoked")
    row.update(revoked_at=None)
    browser, page = _open(token)
    _send(browser, page, **_account())
    look("This invitation was used")
    # Who used it is led on.
    assert browser.get(f"{JOIN}{token}/", follow=True).redirect_chain[-1][0] == "/my/"
    assert set(seen.values()) == {404}


def test_without_a_link_the_page_says_so() -> None:
    page = Client().get(JOIN)
    assert "Open the link of your invitation again" in text_of(page)
    # A link that lost its last slash in a mail still works, and none of it ends up in another address.
    assert Client().get("/my/join/abc")["Location"] == JOIN


def _confirming(token: str) -> tuple[Client, User]:
    """The browser of somebody with an account, at the question."""
    person = User.objects.create_user("noah")
    browser = Client()
    browser.force_login(person)
    assert "Join as noah" in text_of(_open(token, browser)[1])
    return browser, person


def test_two_tabs_that_confirm_at_once_join_once(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, person = _confirming(token)
    accept = invitations.accept

    def second(token_hash: str, by: User) -> Membership:
        accept(token_hash, by)
        return accept(token_hash, by)

    monkeypatch.setattr(invitations, "accept", second)
    assert browser.post(JOIN, {"person": person.pk})["Location"] == "/my/"
    assert Membership.objects.get().user == person


@pytest.mark.both_databases
def test_who_joined_by_another_link_meanwhile_learns_that(
    token: str, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, person = _confirming(token)
    Membership.objects.create(team=team, user=person)
    monkeypatch.setattr(invitations, "is_member", lambda *_: False)
    answer = browser.post(JOIN, {"person": person.pk})
    assert (answer.status_code, "You are in this team already" in text_of(answer)) == (404, True)
    assert Invitation.objects.get().accepted_at is None


def test_a_name_that_is_taken_meanwhile_is_an_error_beside_it(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, page = _open(token)
    new_person = AccountForm.new_person

    def late(form: AccountForm) -> User:
        User.objects.create_user("mia")
        return new_person(form)

    monkeypatch.setattr(AccountForm, "new_person", late)
    answer = _send(browser, page, **_account())
    assert "Somebody took this name a moment ago" in str(answer.context["form"].errors["username"])

"""Invitations in the admin: owners make, mail and revoke them; a link is shown once."""

from __future__ import annotations

import re
import smtplib
import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail as outgoing
from django.test import Client

from access import mail
from access.invitations import hash_of
from access.models import Invitation, Membership, SiteRole, Team
from tests.admin.pages import links_of, staff, text_of
from tests.people.conftest import mails_have_ended

pytestmark = pytest.mark.django_db
LIST = "/admin/access/invitation/"
_LONG = f"{'a' * 60}@{'.'.join(['b' * 60] * 4)}.example"
"""An address that e-mail knows and the database's column does not."""


@pytest.fixture
def owner() -> Client:
    """The browser of the owner."""
    browser = Client()
    browser.force_login(User.objects.create_superuser("ona"))
    return browser


@pytest.fixture
def team() -> Team:
    """A team."""
    return Team.objects.create(name="Blue")


def _invite(browser: Client, team: Team, **fields: str) -> Any:
    return browser.post(f"{LIST}add/", {"team": team.pk, "role": "member", "email": "", **fields})


def _link(page: Any) -> str:
    (link,) = re.findall(r"https?://[\w.]+/my/join/[-\w]+", page.content.decode())
    return str(link)


def test_a_link_is_shown_once_and_works(owner: Client, team: Team) -> None:
    button = links_of(owner.get(f"/admin/access/team/{team.pk}/change/"))
    (invite,) = (address for label, address in button.items() if label.endswith("Invite"))
    form = owner.get(owner.get(invite)["Location"])
    assert f'<option value="{team.pk}" selected' in form.content.decode()
    assert "this gateway sends no mail" in text_of(form)
    page = _invite(owner, team, role="lead", email="mia@example.com")
    assert "no-store" in page["Cache-Control"]
    # The form said so before: it is nothing to be alarmed about.
    assert "No mail server is set up" not in text_of(page)
    assert "This link is shown only once" in text_of(page)
    token = _link(page).rpartition("/")[2]
    made = Invitation.objects.get()
    assert (made.hash, made.role, made.email) == (hash_of(token), "lead", "mia@example.com")
    for later in (LIST, f"{LIST}{made.pk}/change/"):
        seen = owner.get(later)
        assert "mia@example.com" in text_of(seen)
        assert token not in seen.content.decode()
        assert made.hash not in seen.content.decode()
    joined = Client().get(f"/my/join/{token}/", follow=True)
    assert "as one of its leads" in text_of(joined)


@pytest.mark.usefixtures("mails")
def test_the_link_is_mailed_and_a_mail_that_fails_loses_nothing(
    owner: Client, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = _invite(owner, team, email="mia@example.com")
    assert "The link was mailed" in text_of(page)
    (message,) = outgoing.outbox
    assert message.to == ["mia@example.com"]
    assert message.subject == "ona invites you to the team Blue"
    assert _link(page).startswith("https://gateway.example.com/my/join/")
    assert _link(page) in message.body

    def away(*args: str) -> None:
        raise mail.NotSent("The mail server did not answer in time.")

    monkeypatch.setattr(mail, "send", away)
    page = _invite(owner, team, email="noah@example.com")
    assert "The mail server did not answer in time. The invitation was made all the same" in text_of(page)
    assert Invitation.objects.filter(hash=hash_of(_link(page).rpartition("/")[2]), revoked_at=None).exists()


@pytest.mark.usefixtures("mails")
def test_an_address_gets_few_mails_and_each_link_all_the_same(owner: Client, team: Team) -> None:
    for number in range(5):
        assert "The link was mailed" in text_of(_invite(owner, team, email=f"{'mM'[number % 2]}ia@example.com"))
    page = _invite(owner, team, email="mia@example.com")
    assert "It gets the next mail in 60 minutes" in text_of(page)
    assert Invitation.objects.filter(hash=hash_of(_link(page).rpartition("/")[2]), revoked_at=None).exists()
    assert len(outgoing.outbox) == 5
    assert "The link was mailed" in text_of(_invite(owner, team, email="noah@example.com"))


def test_a_mail_that_was_not_sent_counts_for_nothing(
    owner: Client, team: Team, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(6):
        assert "This link is shown only once" in text_of(_invite(owner, team, email="mia@example.com"))
    settings.EMAIL_URL, settings.DEFAULT_FROM_EMAIL = "smtp://127.0.0.1", "gateway@example.com"
    settings.PUBLIC_URL = "https://gateway.example.com"
    with monkeypatch.context() as patched:
        patched.setattr(outgoing.EmailMessage, "send", _refuse)
        for _ in range(6):
            assert "refused this address" in text_of(_invite(owner, team, email="mia@example.com"))
    for _ in range(5):
        assert "The link was mailed" in text_of(_invite(owner, team, email="mia@example.com"))


@pytest.mark.usefixtures("mails")
def test_a_mail_that_may_have_been_sent_counts(
    owner: Client, team: Team, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mail, "_WAIT_SECONDS", 0)
    answers = threading.Semaphore(0)
    monkeypatch.setattr(outgoing.EmailMessage, "send", lambda self: answers.acquire())
    for _ in range(5):
        assert "did not answer in time" in text_of(_invite(owner, team, email="mia@example.com"))
        answers.release()
        mails_have_ended()
    assert "It gets the next mail" in text_of(_invite(owner, team, email="mia@example.com"))
    assert "limit on invitation mails to an address reached" in caplog.messages


def _refuse(self: Any) -> None:
    raise smtplib.SMTPRecipientsRefused({})


def test_errors_stand_beside_their_fields(owner: Client, team: Team) -> None:
    Team.objects.update(enabled=False)
    assert "This team is disabled. Enable it first" in text_of(_invite(owner, team))
    assert "valid email" in text_of(_invite(owner, team, email="nowhere"))
    assert "at most 254 characters" in text_of(_invite(owner, team, email=_LONG))
    assert not Invitation.objects.exists()


def test_an_invitation_is_revoked_and_never_deleted(owner: Client, team: Team) -> None:
    _invite(owner, team)
    made = Invitation.objects.get()
    owner.post(LIST, {"action": "revoke_selected", "_selected_action": [made.pk]})
    made.refresh_from_db()
    assert made.revoked_at is not None
    assert "revoked" in text_of(owner.get(LIST))
    assert owner.post(f"{LIST}{made.pk}/delete/", {"post": "yes"}).status_code == 403
    # It goes with its team.
    Membership.objects.create(team=team, user=User.objects.create_user("mia"))
    owner.post(f"/admin/access/team/{team.pk}/delete/", {"post": "yes"})
    assert not Team.objects.exists()


def test_other_staff_make_and_revoke_none(owner: Client, team: Team) -> None:
    _invite(owner, team)
    made = Invitation.objects.get()
    clerk = staff("access.view_invitation", "access.add_invitation", "access.delete_invitation", "access.view_team")
    administrator = User.objects.create_user("adam", is_staff=True)
    SiteRole.objects.create(user=administrator, role="administrator")
    adam = Client()
    adam.force_login(administrator)
    for browser in (clerk, adam):
        assert browser.get(LIST).status_code == 200
        assert browser.get(f"{LIST}{made.pk}/change/").status_code == 200
        assert browser.get(f"{LIST}add/").status_code == 403
        assert _invite(browser, team).status_code == 403
        assert browser.get(f"/admin/access/team/{team.pk}/invite/").status_code in {302, 403, 404}
        browser.post(LIST, {"action": "revoke_selected", "_selected_action": [made.pk]})
        browser.post(f"{LIST}{made.pk}/revoke/", {"_form_submitted": "True"})
    assert Invitation.objects.filter(revoked_at=None).count() == Invitation.objects.count() == 1


def test_the_only_team_is_chosen_and_of_several_none(owner: Client, team: Team) -> None:
    assert f'<option value="{team.pk}" selected' in owner.get(f"{LIST}add/").content.decode()
    Team.objects.create(name="another")
    assert f'<option value="{team.pk}" selected' not in owner.get(f"{LIST}add/").content.decode()

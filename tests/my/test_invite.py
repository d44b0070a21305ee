"""A lead invites: the link is shown until it is copied, makes somebody a member, and can be revoked."""

from __future__ import annotations

import html
import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from access.models import Invitation, Membership
from tests.admin.pages import text_of
from tests.my.people import Group, browser_of, make_group

pytestmark = pytest.mark.django_db


@pytest.fixture
def blue() -> Group:
    """A team."""
    return make_group("blue")


def _invite(group: Group, browser: Client, email: str = "") -> tuple[str, str]:
    """The page with the new link, and the link."""
    answer = browser.post(f"/my/teams/{group.team.pk}/invite/", {"email": email})
    page = browser.get(answer["Location"])
    (link,) = re.findall(r"<pre[^>]*>(http://testserver[^<]+)</pre>", page.content.decode())
    return answer["Location"], html.unescape(link)


def test_a_link_of_a_lead_makes_a_member(blue: Group) -> None:
    lead = blue.browser("lea")
    address, link = _invite(blue, lead, "new@example.com")
    assert "new@example.com" in text_of(lead.get(address)), "a reload does not lose it"
    assert "new@example.com" in text_of(lead.get(f"/my/teams/{blue.team.pk}/"))
    person = User.objects.create_user("newcomer")
    guest = browser_of(person)
    guest.get(link.removeprefix("http://testserver"), follow=True)
    guest.post("/my/join/", {"person": person.pk})
    assert Membership.objects.get(user=person).role == Membership.Role.MEMBER
    assert "new@example.com" not in text_of(lead.get(f"/my/teams/{blue.team.pk}/"))


def test_a_copied_link_is_shown_no_more(blue: Group) -> None:
    lead = blue.browser("lea")
    address, link = _invite(blue, lead)
    assert lead.post(f"{address}copied/")["Location"] == f"/my/teams/{blue.team.pk}/"
    page = lead.get(address, follow=True)
    assert link not in page.content.decode()
    assert "shown no more" in text_of(page)


def test_a_revoked_link_works_no_more(blue: Group) -> None:
    lead = blue.browser("lea")
    address, link = _invite(blue, lead)
    assert "is revoked" in text_of(lead.post(f"{address}revoke/", follow=True))
    assert "was used or revoked before" in text_of(lead.post(f"{address}revoke/", follow=True))
    assert "was revoked" in text_of(Client().get(link.removeprefix("http://testserver"), follow=True))


def test_what_is_wrong_makes_no_invitation(blue: Group) -> None:
    lead = blue.browser("lea")
    answer = lead.post(f"/my/teams/{blue.team.pk}/invite/", {"email": "nobody"})
    assert "valid email address" in text_of(answer)
    long = f"{'a' * 60}@{'.'.join(['b' * 60] * 4)}.example"
    assert "at most 254 characters" in text_of(lead.post(f"/my/teams/{blue.team.pk}/invite/", {"email": long}))
    blue.team.enabled = False
    blue.team.save()
    assert lead.post(f"/my/teams/{blue.team.pk}/invite/", {"email": ""}).status_code == 404
    assert Invitation.objects.count() == 1


def test_members_neither_invite_nor_see_invitations(blue: Group) -> None:
    member = blue.browser("mia")
    for path in ("invite/", f"invitations/{blue.invitation.pk}/", f"invitations/{blue.invitation.pk}/revoke/"):
        assert member.post(f"/my/teams/{blue.team.pk}/{path}").status_code in (404, 405), path
    assert Invitation.objects.get().revoked_at is None

"""Leaving a team by oneself or removed, and being disabled: who may, and what ends with it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.test import Client

from access import invitations, memberships
from access.invitations import NotAcceptable, Problem, hash_of
from access.models import ClientKey, Membership, SiteRole, Team
from tests.admin.pages import text_of
from tests.harness.configure import make_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    """A team."""
    return Team.objects.create(name="Blue")


def _person(team: Team | None, name: str, role: str = "member") -> User:
    person = User.objects.create_user(name)
    if team is not None:
        Membership.objects.create(team=team, user=person, role=role)
    return person


def _membership(person: User) -> Membership:
    return Membership.objects.get(user=person)


def _browser(person: User) -> Client:
    browser = Client()
    browser.force_login(person)
    return browser


def test_who_leaves_takes_their_keys_of_the_team_along_and_no_others(team: Team) -> None:
    mia = _person(team, "mia")
    other = Team.objects.create(name="Red")
    Membership.objects.create(team=other, user=mia)
    hers, elsewhere = make_key(team, owner=mia).row, make_key(other, owner=mia).row
    service, colleague = make_key(team).row, make_key(team, owner=_person(team, "noah")).row
    browser, page = _browser(mia), f"/my/teams/{team.pk}/leave/"
    question = browser.get(page)
    assert hers.name in text_of(question)
    assert Membership.objects.filter(user=mia).count() == 2
    assert browser.post(page)["Location"] == "/my/"
    assert [one.team for one in Membership.objects.filter(user=mia)] == [other]
    assert set(ClientKey.objects.filter(revoked_at=None)) == {elsewhere, service, colleague}
    assert browser.get(page).status_code == browser.post(page).status_code == 404
    assert Client().post(page).status_code == 302


def test_the_only_lead_is_warned(team: Team) -> None:
    lea = _person(team, "lea", "lead")
    page = f"/my/teams/{team.pk}/leave/"
    assert "You are its only lead" in text_of(_browser(lea).get(page))
    _person(team, "lou", "lead")
    assert "You are its only lead" not in text_of(_browser(lea).get(page))


def test_leads_remove_members_of_their_team_and_owners_everybody(team: Team) -> None:
    lea, mia = _person(team, "lea", "lead"), _person(team, "mia")
    noah, lou = _person(team, "noah"), _person(team, "lou", "lead")
    stranger = _person(Team.objects.create(name="Red"), "rob", "lead")
    adam = User.objects.create_user("adam", is_staff=True)
    SiteRole.objects.create(user=adam, role="administrator")
    for nobody in (mia, stranger, adam):
        with pytest.raises(PermissionDenied):
            memberships.remove(nobody, _membership(noah))
    with pytest.raises(PermissionDenied):
        memberships.remove(lea, _membership(lou))
    key = make_key(team, owner=mia).row
    memberships.remove(lea, _membership(mia))
    key.refresh_from_db()
    assert key.revoked_at is not None
    memberships.remove(User.objects.create_superuser("ona"), _membership(lou))
    assert {one.user for one in team.memberships.all()} == {lea, noah}


def test_leads_invite_members_to_their_team_alone_and_their_links_end_with_them(team: Team) -> None:
    lea, mia = _person(team, "lea", "lead"), _person(team, "mia")
    red = Team.objects.create(name="Red")
    new = invitations.invite(lea, team)
    for inviter, where, role in ((lea, team, "lead"), (lea, red, "member"), (mia, team, "member")):
        with pytest.raises(PermissionDenied):
            invitations.invite(inviter, where, role)
    with pytest.raises(PermissionDenied):
        invitations.revoke(mia, new.invitation)
    _membership(lea).delete()
    with pytest.raises(NotAcceptable) as refused:
        invitations.accept(hash_of(new.token), _person(None, "late"))
    assert refused.value.problem is Problem.INVITER_GONE
    with pytest.raises(PermissionDenied):
        invitations.revoke(lea, new.invitation)


def test_sessions_end_at_once_with_the_person_and_rights_with_the_membership(team: Team) -> None:
    lea = _person(team, "lea", "lead")
    browser = _browser(lea)
    assert browser.get("/my/").status_code == 200
    membership = _membership(lea)
    membership.role = "member"
    membership.save()
    with pytest.raises(PermissionDenied):
        invitations.invite(User.objects.get(pk=lea.pk), team)
    User.objects.filter(pk=lea.pk).update(is_active=False)
    assert browser.get("/my/").status_code == 302
    assert browser.get(f"/my/teams/{team.pk}/leave/").status_code == 302

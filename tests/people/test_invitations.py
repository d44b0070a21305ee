"""Invitations: each link works once, for seven days, and only while its inviter may invite."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils import timezone

from access import invitations
from access.invitations import NotAcceptable, Problem, TooManyOpen, hash_of
from access.models import Invitation, Membership, Team

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def owner() -> User:
    """The owner of the gateway."""
    return User.objects.create_superuser("owner")


@pytest.fixture
def team() -> Team:
    """A team."""
    return Team.objects.create(name="Blue")


@pytest.fixture
def mia() -> User:
    """Somebody who is in no team yet."""
    return User.objects.create_user("mia")


def _refusal(token: str, person: User) -> Problem:
    with pytest.raises(NotAcceptable) as refused:
        invitations.accept(hash_of(token), person)
    return refused.value.problem


def test_a_link_makes_one_member_and_is_stored_nowhere(owner: User, team: Team, mia: User) -> None:
    new = invitations.invite(owner, team, "lead", "mia@example.com")
    assert len(new.token) >= 43
    assert new.token not in str(Invitation.objects.values().get())
    assert new.token not in repr(new)
    invitations.accept(hash_of(new.token), mia)
    membership = Membership.objects.get()
    assert (membership.team, membership.user, membership.role) == (team, mia, "lead")
    used = Invitation.objects.get()
    assert used.accepted_by == mia
    assert invitations.state_of(used) == "accepted"
    other = User.objects.create_user("other")
    assert _refusal(new.token, other) is Problem.ACCEPTED
    assert Membership.objects.count() == 1


def test_a_new_person_is_made_with_the_membership_or_not_at_all(owner: User, team: Team) -> None:
    new = invitations.invite(owner, team)
    invitations.accept(hash_of(new.token), User(username="noah"))
    assert Membership.objects.get().user.username == "noah"
    assert _refusal(new.token, User(username="late")) is Problem.ACCEPTED
    assert not User.objects.filter(username="late").exists()


def test_every_way_that_a_link_ends(owner: User, team: Team, mia: User) -> None:
    User.objects.create_superuser("second owner")
    new = invitations.invite(owner, team)
    row = Invitation.objects.filter(pk=new.invitation.pk)

    assert _refusal(new.token + "x", mia) is Problem.UNKNOWN
    # The hash from a backup is no token.
    assert _refusal(new.invitation.hash, mia) is Problem.UNKNOWN
    row.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert _refusal(new.token, mia) is Problem.EXPIRED
    row.update(expires_at=timezone.now() + timedelta(days=7))
    Team.objects.update(enabled=False)
    assert _refusal(new.token, mia) is Problem.TEAM_DISABLED
    Team.objects.update(enabled=True)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert _refusal(new.token, mia) is Problem.INVITER_GONE
    User.objects.filter(pk=owner.pk).update(is_active=True, is_superuser=False)
    assert _refusal(new.token, mia) is Problem.INVITER_GONE
    User.objects.filter(pk=owner.pk).update(is_superuser=True)
    Membership.objects.create(team=team, user=mia)
    assert _refusal(new.token, mia) is Problem.MEMBER
    Membership.objects.all().delete()
    assert invitations.revoke(User.objects.get(pk=owner.pk), new.invitation)
    assert not invitations.revoke(User.objects.get(pk=owner.pk), new.invitation)
    assert _refusal(new.token, mia) is Problem.REVOKED
    assert not Membership.objects.exists()


def test_a_link_lasts_seven_days(owner: User, team: Team) -> None:
    new = invitations.invite(owner, team)
    lasts = new.invitation.expires_at - timezone.now()
    assert timedelta(days=7) - timedelta(minutes=1) < lasts <= timedelta(days=7)


def test_a_second_link_to_an_address_ends_the_first(owner: User, team: Team, mia: User) -> None:
    first = invitations.invite(owner, team, email="mia@example.com")
    elsewhere = invitations.invite(owner, Team.objects.create(name="Red"), email="mia@example.com")
    second = invitations.invite(owner, team, email="Mia@Example.com")
    assert _refusal(first.token, mia) is Problem.REVOKED
    invitations.accept(hash_of(second.token), mia)
    invitations.accept(hash_of(elsewhere.token), mia)


def test_a_team_has_so_many_open_invitations_at_most(owner: User, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MOST_OPEN", 2)
    first = invitations.invite(owner, team)
    invitations.invite(owner, team)
    with pytest.raises(TooManyOpen, match="Revoke some"):
        invitations.invite(owner, team)
    invitations.revoke(owner, first.invitation)
    invitations.invite(owner, team)


def test_who_has_no_right_invites_nobody_and_revokes_nothing(owner: User, team: Team, mia: User) -> None:
    new = invitations.invite(owner, team)
    for stranger in (mia, User.objects.create_user("clerk", is_staff=True)):
        with pytest.raises(PermissionDenied):
            invitations.invite(stranger, team)
        with pytest.raises(PermissionDenied):
            invitations.revoke(stranger, new.invitation)
    assert not invitations.may_invite(AnonymousUser(), team, "member")
    assert invitations.problem_of(invitations.find(new.invitation.hash), AnonymousUser()) is None


@pytest.mark.django_db(transaction=True)
def test_of_many_at_the_same_moment_one_gets_in(owner: User, team: Team) -> None:
    new = invitations.invite(owner, team)
    begin = threading.Barrier(6)

    def accept(number: int) -> str:
        begin.wait()
        try:
            invitations.accept(hash_of(new.token), User(username=f"person-{number}"))
        except NotAcceptable as refused:
            return refused.problem.name
        finally:
            connection.close()
        return "in"

    with ThreadPoolExecutor(6) as pool:
        found = sorted(pool.map(accept, range(6)))
    assert found == ["ACCEPTED"] * 5 + ["in"]
    assert Membership.objects.count() == 1
    assert User.objects.filter(username__startswith="person-").count() == 1

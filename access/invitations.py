"""Invitations: one-time links that make somebody a member of a team. Whoever holds a link may use it, so the database
has the hash of its token alone.

An invitation is worth what its inviter may do: it ends when they are disabled, leave the team or lose the right.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from datetime import timedelta
from enum import Enum
from typing import Final

import msgspec
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from access import mail
from access.models import Invitation, Membership, Team
from access.permissions import GIVE_RIGHTS, Person, may
from access.sign_in import throttle

INVITE = "access.add_invitation"
REVOKE = "access.delete_invitation"
LIFETIME: Final = timedelta(days=7)
MOST_OPEN: Final = 100
"""How many invitations of one team may be open at the same time."""


class Problem(Enum):
    """Why an invitation cannot be accepted: a title and what to do, for a page."""

    UNKNOWN = ("This link is not valid", "Check that the whole link was copied, or ask for a new invitation.")
    ACCEPTED = ("This invitation was used", "A link works once. If it was you, sign in. Otherwise ask for a new one.")
    REVOKED = ("This invitation was revoked", "Ask whoever invited you for a new one.")
    EXPIRED = ("This invitation has expired", "A link works for 7 days. Ask whoever invited you for a new one.")
    INVITER_GONE = (
        "This invitation has ended",
        "Whoever made it may not invite to this team any more. Ask a lead of the team or an owner for a new one.",
    )
    TEAM_DISABLED = ("This team is disabled", "Ask an owner of this gateway. The link works once the team is enabled.")
    MEMBER = ("You are in this team already", "There is nothing to accept. The link still works for somebody else.")


class NotAcceptable(Exception):
    """The invitation cannot be accepted; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.value[0])
        self.problem = problem


class TooManyOpen(Exception):
    """The team has as many open invitations as it may have."""


class NewInvitation(msgspec.Struct, frozen=True):
    """A new invitation. `token` is stored nowhere: show or mail its link once."""

    invitation: Invitation
    token: str

    def __repr__(self) -> str:
        return f"NewInvitation({self.invitation!r})"


def may_invite(person: Person, team: Team, role: str) -> bool:
    """Returns whether `person` may invite to `team`: leads invite members, owners everybody."""
    return may(person, INVITE, team) and (role == Membership.Role.MEMBER or may(person, GIVE_RIGHTS))


def invite(by: User, team: Team, role: str = Membership.Role.MEMBER, email: str = "") -> NewInvitation:
    """Returns a new invitation with its token. An open one of the team for the same address ends.

    Raises PermissionDenied and TooManyOpen.
    """
    if not may_invite(by, team, role):
        raise PermissionDenied("Leads invite members to their teams. Only owners invite leads.")
    now = timezone.now()
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        waiting = open_of(team)
        if email:
            waiting.filter(email__iexact=email).update(revoked_at=now)
        if waiting.count() >= MOST_OPEN:
            raise TooManyOpen(f"{team} has {MOST_OPEN} open invitations. Revoke some first.")
        invitation = Invitation.objects.create(
            team=team, role=role, email=email, hash=hash_of(token), invited_by=by, expires_at=now + LIFETIME
        )
    return NewInvitation(invitation, token)


def link_of(token: str, base_url: str) -> str:
    """Returns the link of an invitation. `base_url` is scheme and host of the gateway."""
    return base_url + reverse("people:join-link", args=[token])


def mail_link(new: NewInvitation, link: str) -> None:
    """Mails the link to the invitation's address. Raises mail.NotSent, also where the address got several mails in a
    short time; the link works all the same."""
    invitation = new.invitation
    counted = mail.is_configured()
    try:
        if counted:
            throttle.mail_invitation(invitation.email)
    except throttle.TooManyAttempts as refusal:
        minutes = math.ceil(refusal.retry_after / 60)
        raise mail.NotSent(
            f"This address got several invitations. It gets the next mail in {minutes} minutes."
        ) from None
    subject = f"{invitation.invited_by} invites you to the team {invitation.team}"
    try:
        mail.send(invitation.email, subject, _MAIL.format(subject=subject, link=link))
    except mail.NotSent as problem:
        if counted and not isinstance(problem, mail.NoAnswer):
            throttle.invitation_not_sent(invitation.email)
        raise


_MAIL = """\
{subject} of a gateway to language models.

Join here within 7 days; the link works once, for whoever opens it:

{link}
"""


def revoke(by: User, invitation: Invitation) -> bool:
    """Ends an invitation; returns False for one that was used or revoked before. Raises PermissionDenied."""
    if not may(by, REVOKE, invitation):
        raise PermissionDenied("Leads revoke invitations to their teams, and owners all.")
    unused = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None)
    return unused.update(revoked_at=timezone.now()) == 1


def open_of(team: Team) -> QuerySet[Invitation]:
    """Returns the team's invitations that were neither used nor revoked and have not expired."""
    return Invitation.objects.filter(team=team, accepted_at=None, revoked_at=None, expires_at__gt=timezone.now())


def hash_of(token: str) -> str:
    """Returns what an invitation is found by."""
    return hashlib.sha256(token.encode()).hexdigest()


def find(token_hash: str) -> Invitation | None:
    """Returns the invitation with this hash of its token, with its team and inviter."""
    return Invitation.objects.select_related("team", "invited_by").filter(hash=token_hash).first()


def problem_of(invitation: Invitation | None, person: Person | None = None) -> Problem | None:
    """Returns why the invitation cannot be accepted, by `person` where it is given; None where it can."""
    if invitation is None:
        return Problem.UNKNOWN
    for problem, holds in (
        (Problem.ACCEPTED, invitation.accepted_at is not None),
        (Problem.REVOKED, invitation.revoked_at is not None),
        (Problem.EXPIRED, invitation.expires_at <= timezone.now()),
        (Problem.TEAM_DISABLED, not invitation.team.enabled),
    ):
        if holds:
            return problem
    inviter = invitation.invited_by
    if inviter is None or not may_invite(inviter, invitation.team, invitation.role):
        return Problem.INVITER_GONE
    if isinstance(person, User) and is_member(person, invitation.team):
        return Problem.MEMBER
    return None


def is_member(person: User, team: Team) -> bool:
    """Returns whether a person is in the team."""
    return Membership.objects.filter(team=team, user=person).exists()


def state_of(invitation: Invitation) -> str:
    """Returns the state in a word: open, accepted, revoked, expired, team disabled or ended."""
    problem = problem_of(invitation)
    return "open" if problem is None else _STATES[problem]


_STATES = {
    Problem.ACCEPTED: "accepted",
    Problem.REVOKED: "revoked",
    Problem.EXPIRED: "expired",
    Problem.TEAM_DISABLED: "team disabled",
    Problem.INVITER_GONE: "ended",
}


def accept(token_hash: str, person: User) -> Membership:
    """Makes `person` a member; one that is not saved yet, with its password hashed, is saved. Each link works once,
    whoever comes at the same time.

    Raises NotAcceptable, and IntegrityError where somebody else took the new person's name in the meantime.
    """
    with transaction.atomic():
        is_new = person._state.adding
        if is_new:
            person.save()
        # The claim comes first: whoever comes second waits here, and claims nothing.
        unused = Invitation.objects.filter(hash=token_hash, accepted_at=None, revoked_at=None)
        claimed = unused.update(accepted_at=timezone.now(), accepted_by=person) == 1
        invitation = find(token_hash)
        if invitation is not None and claimed:
            invitation.accepted_at = None
        problem = problem_of(invitation, None if is_new else person)
        if problem is not None or invitation is None:
            raise NotAcceptable(problem or Problem.UNKNOWN)
        try:
            with transaction.atomic():
                return Membership.objects.create(team=invitation.team, user=person, role=invitation.role)
        except IntegrityError as error:
            # By another invitation, a moment ago.
            raise NotAcceptable(Problem.MEMBER) from error

"""A lead's pages about their team: members, keys and figures; removing a member; a new service key."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from access import invitations, key_actions, memberships
from access.key_records import state_of
from access.models import ClientKey, Membership, Team
from access.permissions import may
from access.roles.scope import visible
from proxysite.my import keys, navigation, requests, scope, usage
from proxysite.my.budgets import asking
from proxysite.my.budgets import pages as budgets
from proxysite.my.key_forms import KeyForm
from proxysite.my.site import page as render
from usage.last_use import with_last_use
from usage.reports import ending, query
from usage.reports.totals import Totals

_FAILURES = 5


class Member(msgspec.Struct, frozen=True):
    """A member with what a lead wants to know of them."""

    membership: Membership
    active_keys: int
    last_seen: datetime | None
    month: Totals
    may_remove: bool


@require_safe
def page(request: HttpRequest, team_id: int) -> HttpResponse:
    """Shows the team."""
    person = scope.person_of(request)
    team = scope.led_team(person, team_id)
    today, month = (usage.of_team(person, team, period) for period in (query.last_days(1), query.this_month()))
    rows = list(with_last_use(scope.keys_of(person, team)))
    return render(
        request,
        "my/team.html",
        navigation.heading(team.name),
        team=team,
        cards=usage.cards(today, month),
        members=_members(person, team, rows, month),
        keys=[{"row": row, "state": state_of(row)} for row in rows],
        may_add=may(person, key_actions.ADD, ClientKey(team=team)),
        may_invite=invitations.may_invite(person, team, Membership.Role.MEMBER),
        invitations=visible(person, invitations.open_of(team)).select_related("invited_by"),
        failures=requests.failures(scope.requests_of(person, team, requests.FAILURE_DAYS), _FAILURES),
        outcomes=ending.VARIANTS,
        budgets=budgets.pools(person, team),
        waiting=[one for one in asking.to_decide(person) if one.row.team_id == team.pk],
    )


def _members(person: User, team: Team, rows: list[Any], month: Any) -> list[Member]:
    used = {owner: totals for owner, _, totals in query.grouped(month, "owner_id", "owner_name")}
    member = Membership.Role.MEMBER
    # Asked once: a lead removes every member or none.
    may_remove = memberships.may_remove(person, Membership(team=team, user=person, role=member))
    found = []
    for membership in scope.members(person, team):
        own = [row for row in rows if row.owner_id == membership.user_id]
        seen = [moment for moment in (membership.user.last_login, *(row.last_use for row in own)) if moment is not None]
        found.append(
            Member(
                membership,
                sum(state_of(row) == "active" for row in own),
                max(seen, default=None),
                used.get(membership.user_id, Totals()),
                may_remove and membership.role == member,
            )
        )
    return found


@require_http_methods(["GET", "HEAD", "POST"])
def remove_page(request: HttpRequest, team_id: int, membership_id: int) -> HttpResponse:
    """Asks whether to remove a member, and does it by POST: their keys of this team end."""
    person = scope.person_of(request)
    team = scope.led_team(person, team_id)
    membership = get_object_or_404(scope.members(person, team), pk=membership_id)
    if not memberships.may_remove(person, membership):
        raise Http404
    if request.method != "POST":
        return render(
            request, "my/remove.html", f"Remove {membership.user}?",
            team=team, membership=membership, keys=memberships.keys_of(membership),
        )  # fmt: skip
    memberships.remove(person, membership)
    messages.success(
        request, f"{membership.user} is no member of {team} any more. Their keys of this team are revoked."
    )
    return redirect("my:team", team_id=team.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def add_key_page(request: HttpRequest, team_id: int) -> HttpResponse:
    """Makes a service key, which belongs to the team and to nobody in it."""
    person = scope.person_of(request)
    team = scope.led_team(person, team_id)
    if not may(person, key_actions.ADD, ClientKey(team=team)):
        raise Http404
    form = KeyForm(request.POST or None, teams=[team], owner=None)
    return keys.made(request, form) or render(
        request, "my/key_add.html", "New service key", form=form, team=team, back=reverse("my:team", args=[team.pk])
    )

"""Somebody asks for more of a budget that binds them; a lead of its team or an administrator approves or declines.

Approved, it raises the window of that time, or the budget itself where it is to last. Nobody decides on a request of
their own, and a lead's are the administrators' to decide; whoever may decide on all requests may decide on their own.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from access import audit
from access.allowances.models import MOST_DOLLARS
from access.audit.context import of_verb
from access.models import Budget, ClientKey, IncreaseRequest, Membership
from access.permissions import Person, may
from access.roles.giving import team_role
from access.roles.scope import visible
from access.roles.table import Role
from usage.budgets import periods, standing, windows
from usage.budgets.bound import Bound
from usage.budgets.increases import alerts
from usage.budgets.models import BudgetWindow

ADD, DECIDE = "access.add_increaserequest", "access.change_increaserequest"
_CHANGE_BUDGET = "access.change_budget"
MOST = Decimal("1000000")
"""US dollars that one request may ask for."""


class IncreaseRefused(Exception):
    """The request cannot be made or decided on any more; the text says why and what to do."""


def bound_of(person: User, budget_id: int) -> Bound | None:
    """Returns the budget where the person may ask for more of it: it binds them, or it is of a key of a team that they
    lead."""
    for bound in standing.of_person(person):
        if bound.budget.pk == budget_id:
            return bound
    led = ClientKey.objects.filter(team__memberships__user=person, team__memberships__role=Membership.Role.LEAD)
    budget = Budget.objects.filter(pk=budget_id, enabled=True, key__in=led.values("pk")).first()
    return None if budget is None else Bound(budget)


def bound_of_request(row: IncreaseRequest) -> Bound:
    """Returns the budget of a request, for who asked where it is each member's."""
    return Bound(row.budget, row.user if row.budget.members_of_id is not None else None)


def ask(person: User, bound: Bound, amount: Decimal, reason: str = "") -> IncreaseRequest:
    """Returns a new request. Raises IncreaseRefused where the person has an open one for this budget, and
    ValidationError for an amount that nobody can be given."""
    (stands,) = standing.now([bound])
    if beyond := _beyond(stands.limit, amount):
        raise ValidationError({"amount": beyond})
    if amount > MOST:
        raise ValidationError({"amount": f"Ask for at most ${MOST:,}."})
    row = IncreaseRequest(budget=bound.budget, user=person, team=bound.team, amount=amount, reason=reason)
    with transaction.atomic():
        # Whoever decides takes the same lock: there is one open request of a person for a budget.
        audit.lock()
        if IncreaseRequest.objects.filter(budget=bound.budget, user=person, state=IncreaseRequest.State.OPEN).exists():
            raise IncreaseRefused("You have asked for more of this budget already. Wait for the answer.")
        row.full_clean()
        row.save()
        alerts.asked(row, bound)
    return row


def withdraw(person: User, row: IncreaseRequest) -> None:
    """Deletes a person's own open request. Raises IncreaseRefused where it was decided on."""
    with transaction.atomic():
        found = _locked(row)
        if found.user_id != person.pk:
            raise PermissionDenied("You may withdraw your own requests only.")
        alerts.withdrawn(found)
        found.delete()


def open_requests() -> QuerySet[IncreaseRequest]:
    """Returns the requests that wait for an answer, the oldest first, with all that a page names."""
    return _named(IncreaseRequest.objects.filter(state=IncreaseRequest.State.OPEN)).order_by("id")


def to_decide(person: User) -> list[IncreaseRequest]:
    """Returns the open requests of the person's teams that they may decide on."""
    led = Membership.objects.filter(user=person, role=Membership.Role.LEAD).values_list("team_id", flat=True)
    rows = visible(person, open_requests().filter(team__in=list(led)))
    return [row for row in rows if may_decide(person, row)]


def may_decide(person: Person, row: IncreaseRequest) -> bool:
    """Returns whether the person may approve or decline a request."""
    if may(person, DECIDE):
        return True
    is_lead = row.team_id is not None and team_role(person, row.team_id) is Role.LEAD and may(person, DECIDE, row)
    return is_lead and team_role(row.user, row.team_id) is not Role.LEAD


def why_not_lasting(person: Person, row: IncreaseRequest) -> str:
    """Returns why the person may not raise the budget itself; empty where they may. A lead changes what a member or a
    key may spend up to what the team may, and not what the team may."""
    budget = row.budget
    if beyond := _beyond(budget.amount, row.amount):
        return beyond
    if may(person, _CHANGE_BUDGET):
        return ""
    if budget.team_id is not None or row.team_id is None:
        return "Only an administrator of this gateway changes this budget for longer than its present period."
    if above := above_team(row.team_id, budget.period, budget.amount + row.amount):
        return f"{above} Approve it for this period alone, or ask an administrator of this gateway."
    return ""


def _beyond(limit: Decimal, more: Decimal) -> str:
    """Returns why a limit cannot be raised by so much, empty where it can."""
    room = MOST_DOLLARS - limit
    if more <= room:
        return ""
    fits = f"At most ${room:,.2f} more fits: ask for no more than that." if room > 0 else "Nothing more fits."
    return f"The largest amount of a budget is ${MOST_DOLLARS:,}, with all that it is raised by. {fits}"


def above_team(team_id: int, period: str, amount: Decimal) -> str:
    """Returns why a lead gives no member and no key of a team so much over a period; empty where they may."""
    rows = Budget.objects.filter(team_id=team_id, period=period, enabled=True, hard=True, model_names="")
    smallest = rows.order_by("amount").first()
    if smallest is None or amount <= smallest.amount:
        return ""
    return f"The team's own budget is {smallest}, and no member's or key's may be larger."


def approve(person: User, row: IncreaseRequest, *, lasting: bool = False) -> IncreaseRequest:
    """Raises the window of now by the amount or, `lasting`, the budget itself. Requests pass at once, after a
    `lasting` one within a second.

    Raises PermissionDenied, and IncreaseRefused where somebody decided before, the budget may not be raised for good,
    or it would be larger than a budget may be.
    """
    with transaction.atomic():
        found = _decided(person, row, IncreaseRequest.State.APPROVED, lasting=lasting)
        if lasting:
            if refused := why_not_lasting(person, found):
                raise IncreaseRefused(refused)
            _raise_budget(found)
        alerts.decided(found, bound_of_request(found), None if lasting else _raise_window(found))
    return found


def decline(person: User, row: IncreaseRequest) -> IncreaseRequest:
    """Closes a request without raising anything. Raises PermissionDenied, and IncreaseRefused where somebody decided
    before."""
    with transaction.atomic():
        found = _decided(person, row, IncreaseRequest.State.DECLINED)
        alerts.decided(found, bound_of_request(found), None)
    return found


def _decided(person: User, row: IncreaseRequest, state: str, *, lasting: bool = False) -> IncreaseRequest:
    found = _locked(row)
    if not may_decide(person, found):
        raise PermissionDenied("Only a lead of the team, or an administrator of this gateway, decides on this request.")
    found.state, found.lasting = state, lasting
    found.decided_at, found.decided_by = timezone.now(), person
    with of_verb(state):
        found.save()
    return found


def _locked(row: IncreaseRequest) -> IncreaseRequest:
    """Returns an open request, locked until the transaction ends. Raises IncreaseRefused for any other."""
    audit.lock()
    rows = _named(IncreaseRequest.objects.select_for_update(of=("self",)))
    found = rows.filter(pk=row.pk).first()
    if found is None:
        raise IncreaseRefused("This request was withdrawn.")
    if found.state != IncreaseRequest.State.OPEN:
        by = f" by {found.decided_by}" if found.decided_by is not None else ""
        raise IncreaseRefused(f"This request was {found.state} before{by}. Nothing was changed.")
    return found


def _raise_budget(row: IncreaseRequest) -> None:
    budget = Budget.objects.select_for_update().get(pk=row.budget_id)
    budget.amount += row.amount
    try:
        budget.full_clean()
    except ValidationError as error:
        raise IncreaseRefused(" ".join(error.messages)) from error
    budget.save(update_fields=["amount"])


def _raise_window(row: IncreaseRequest) -> datetime | None:
    """Returns until when it is raised, None for a budget in total."""
    bound = bound_of_request(row)
    (found,) = windows.ensure([bound.record()], timezone.now().timestamp())
    window = BudgetWindow.objects.select_for_update().get(pk=found.id)
    before = window.raised
    if beyond := _beyond(row.budget.amount + before, row.amount):
        raise IncreaseRefused(beyond)
    window.raised += row.amount
    window.save(update_fields=["raised"])
    until = None if found.resets_at == periods.NEVER else window.resets_at
    changes = {"raised": [before, window.raised], "for": [None, str(row.user)], "until": [None, until]}
    audit.record("raised", row.budget, changes)
    return until


def _named(rows: QuerySet[IncreaseRequest]) -> QuerySet[IncreaseRequest]:
    named = "user", "decided_by", "team", "budget__key__team", "budget__key__owner", "budget__team"
    return rows.select_related(*named, "budget__members_of", "budget__user")

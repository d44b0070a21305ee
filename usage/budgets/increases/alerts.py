"""Who hears of a request for more of a budget: those who may decide on it, and then whoever asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils import timezone

from access.models import Alert, IncreaseRequest, Membership, SiteRole
from access.outbox import alerts
from access.outbox.alerts import Finding
from access.outbox.models import Kind
from access.roles.giving import team_role
from access.roles.table import Role
from usage.budgets.bound import Bound
from usage.reports.formatting import dollars


def asked(row: IncreaseRequest, bound: Bound) -> None:
    """Writes to the leads of the budget's team. What they do not decide on goes to owners and administrators, as does a
    request of a team without a lead. Call it in the transaction of the request. Raises django.db.Error."""
    for_leads = _leads(row).exists() and team_role(row.user, row.team_id) is not Role.LEAD
    administrators = SiteRole.objects.filter(role=SiteRole.Role.ADMINISTRATOR).values_list("user_id", flat=True)
    finding = Finding(
        once=once_of(row),
        kind=Kind.INCREASE,
        subject=f"{row.user} asks for {dollars(row.amount)} more of the budget {bound.label}",
        text="\n".join(
            [
                f"{row.user} asks for {dollars(row.amount)} more of the budget {bound.label}, which is {row.budget}.",
                *([f"What it is for: {row.reason}"] if row.reason else []),
                f"Approve or decline it {'on your page' if for_leads else 'under Requests for more in the admin'}.",
            ]
        ),
        data=_data(row, bound),
        people=() if for_leads else tuple(administrators),
        teams=(row.team_id,) if for_leads and row.team_id is not None else (),
        whose=row.user_id,
        for_site=not for_leads,
    )
    alerts.raise_all([finding], timezone.now())


def _leads(row: IncreaseRequest) -> QuerySet[Membership]:
    """Returns the leads who can sign in, of the team of a request; none where it has no team."""
    return Membership.objects.filter(team=row.team_id, role=Membership.Role.LEAD, user__is_active=True)


def decided(row: IncreaseRequest, bound: Bound, resets_at: datetime | None) -> None:
    """Writes to whoever asked; `resets_at` is until when it is approved, None for longer. Call it in the transaction of
    the answer. Raises django.db.Error."""
    approved = row.state == IncreaseRequest.State.APPROVED
    until = (
        ""
        if resets_at is None
        else f" until {resets_at.astimezone(ZoneInfo(bound.zone)):%Y-%m-%d %H:%M} ({bound.zone})"
    )
    more = f"{dollars(row.amount)} more of the budget {bound.label}"
    soon = "within a second" if row.lasting else "at once"
    text = (
        f"{row.decided_by} approved your request: {more}{until}. Requests pass {soon}."
        if approved
        else f"{row.decided_by} declined your request for {more}. Ask them why."
    )
    finding = Finding(
        once=f"{once_of(row)}:answer",
        kind=Kind.INCREASE,
        subject=f"{'Approved' if approved else 'Declined'}: {more}",
        text=text,
        data=_data(row, bound),
        people=(row.user_id,),
        whose=row.user_id,
    )
    now = timezone.now()
    alerts.raise_all([finding], now)
    # The answer is news and no state; what was asked waits no more.
    withdrawn(row)


def withdrawn(row: IncreaseRequest) -> None:
    """Ends the alerts about a request. Raises django.db.Error."""
    ended = Alert.objects.filter(once__in=[once_of(row), f"{once_of(row)}:answer"], ended_at=None)
    ended.update(ended_at=timezone.now())


def once_of(row: IncreaseRequest) -> str:
    """Returns the `once` of the alert that somebody asks for more."""
    return f"increase:{row.pk}"


def _data(row: IncreaseRequest, bound: Bound) -> dict[str, Any]:
    return {
        "request": row.pk,
        "state": row.state,
        "user": str(row.user),
        "budget": row.budget_id,
        "of": bound.label.removeprefix("of "),
        "amount": str(row.amount),
        "lasting": row.lasting,
        "decided_by": None if row.decided_by is None else str(row.decided_by),
    }

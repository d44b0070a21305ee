"""Which budgets have passed a threshold of their amount, and what is known of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import MAXYEAR, datetime
from decimal import Decimal

import msgspec
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from access.allowances.time_zones import zone_of
from access.models import Budget, Membership
from access.outbox.alerts import Finding
from access.outbox.models import Kind
from usage.budgets import bank
from usage.budgets.models import BudgetBlock, BudgetMark, BudgetWindow
from usage.dollars_sum import DollarsSum
from usage.money import to_pico
from usage.reports.formatting import dollars

BUDGETS, DEAD_WORKERS = "budget:", "dead:"
"""How the `once` of these findings begins."""
_FULL = 100


class _Bound(msgspec.Struct):
    """Whom a window binds: what they are called, and who is to know."""

    of: str
    people: tuple[int, ...] = ()
    teams: tuple[int, ...] = ()
    zone: str = ""


class _People:
    """What people are called and which teams they are in, with a query for each."""

    def __init__(self, ids: Collection[int]) -> None:
        self.names = dict(User.objects.filter(pk__in=set(ids)).values_list("pk", "username"))
        self.teams: dict[int, list[int]] = {}
        members = Membership.objects.filter(user__in=set(ids)).order_by("team_id")
        for user_id, team_id in members.values_list("user_id", "team_id"):
            self.teams.setdefault(user_id, []).append(team_id)


def passed_thresholds(now: datetime) -> list[Finding]:
    """Returns the budgets whose window of now has passed a threshold, each with the highest."""
    thresholds = sorted(settings.ALERT_THRESHOLDS)
    if not thresholds:
        return []
    spent = list(BudgetWindow.objects.filter(resets_at__gt=now, starts_at__lte=now, spent__gt=0))
    if not spent:
        return []
    enabled = Budget.objects.filter(enabled=True, pk__in={window.budget_id for window in spent})
    budgets = {budget.pk: budget for budget in enabled.select_related("key__team", "user", "team", "members_of")}
    windows = [
        (window, used)
        for window in spent
        if window.budget_id in budgets and (used := _percent(window, budgets[window.budget_id])) is not None
    ]
    marked = _marked((window for window, _ in windows), budgets, now)
    found = []
    for window, used in windows:
        refuses = budgets[window.budget_id].hard and (used >= _FULL or window.pk in marked)
        passed = [one for one in thresholds if used >= one or (refuses and one <= _FULL)]
        if passed:
            found.append((window, used, passed[-1], refuses))
    people = _People([budgets[window.budget_id].user_id or window.subject for window, *_ in found])
    return [
        _finding(budgets[window.budget_id], window, used, threshold, people, refuses=refuses)
        for window, used, threshold, refuses in found
        # Who is gone spends nothing more.
        if budgets[window.budget_id].members_of_id is None or window.subject in people.names
    ]


def _marked(windows: Iterable[BudgetWindow], budgets: Mapping[int, Budget], now: datetime) -> set[int]:
    """Returns the windows for which a key is refused whose answer was ended. What requests under way hold counts as
    free: it comes and goes, and an alert that ended and began with it would be another message each time."""
    known = {window.pk: window for window in windows}
    held = set()
    for row in BudgetMark.objects.filter(window__resets_at__gt=now):
        window = known.get(row.window_id)
        if window is not None:
            limit = budgets[window.budget_id].amount + window.raised
            facts = bank.Facts(to_pico(limit), to_pico(window.spent), 0)
            if not bank.Mark(window.pk, row.key_id, to_pico(row.needed), to_pico(row.limit)).lifted(facts):
                held.add(window.pk)
    return held


def dead_workers(now: datetime) -> list[Finding]:
    """Returns the workers that are dead and whose journal nobody could read: what they drew stays drawn."""
    blocks = BudgetBlock.objects.filter(settled_at__lte=now, amount__gt=0).order_by()
    return [
        Finding(
            once=f"{DEAD_WORKERS}{worker}",
            kind=Kind.DEAD_WORKER,
            subject=f"{dollars(amount)} of budgets are held by a worker that is dead",
            text=f"The worker {worker} ended, and its journal could not be read. The {dollars(amount)} that it had "
            "drawn of budgets counts as spent, since requests may have used it.\n"
            "Make its folder below JOURNAL_DIR readable for a worker: that settles the money. "
            "If the folder is lost, `./gateway check_budgets --repair` returns what no row has spent.",
            data={"worker": worker, "amount": _plain(amount)},
            for_site=True,
        )
        for worker, amount in blocks.values_list("worker").annotate(DollarsSum("amount"))
    ]


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _percent(window: BudgetWindow, budget: Budget) -> int | None:
    amount = budget.amount + window.raised
    return int(window.spent * 100 / amount) if amount > 0 else None


def _finding(
    budget: Budget, window: BudgetWindow, used: int, threshold: int, people: _People, *, refuses: bool
) -> Finding:
    bound = _bound(budget, window, people)
    amount = budget.amount + window.raised
    # With money left only the keys are refused whose answers were ended; others go on as long as their requests fit.
    of_some = used < _FULL and budget.key is None
    refused = "requests of some keys are refused" if of_some else "requests are refused"
    return Finding(
        once=f"{BUDGETS}{window.pk}",
        kind=Kind.BUDGET,
        subject=f"Budget {bound.of}: {used} % of {dollars(amount)} spent" + f", {refused}" * refuses,
        text="\n".join(_lines(budget, window, bound, used, amount, refused if refuses else "")),
        data={
            "budget": budget.pk,
            "of": bound.of.removeprefix("of "),
            "threshold": threshold,
            "percent": used,
            "spent": _plain(window.spent),
            "amount": _plain(amount),
            "period": budget.period,
            "hard": budget.hard,
            "resets_at": None if window.resets_at.year == MAXYEAR else window.resets_at.isoformat(),
        },
        level=threshold,
        people=bound.people,
        teams=bound.teams,
        whose=bound.people[0] if bound.people else None,
        quiet=0,
    )


def _lines(
    budget: Budget, window: BudgetWindow, bound: _Bound, used: int, amount: Decimal, refused: str
) -> Iterator[str]:
    zone = zone_of(bound.zone)
    counted = f" for {', '.join(budget.model_names.split())}" if budget.model_names else ""
    yield f"The budget {bound.of}{counted} has spent {dollars(window.spent)} of {dollars(amount)} ({used} %)."
    resets = window.resets_at.year != MAXYEAR
    if resets:
        yield f"It resets on {timezone.localtime(window.resets_at, zone):%Y-%m-%d %H:%M} ({zone.key})."
    if not budget.hard:
        yield "It only warns: requests go on."
    elif refused:
        until = "resets or is raised" if resets else "is raised"
        yield f"{refused.capitalize()} until it {until}{', or enough is left for them' * (used < _FULL)}."
    else:
        yield f"Beyond {dollars(amount)} requests are refused."


def _bound(budget: Budget, window: BudgetWindow, people: _People) -> _Bound:
    if budget.key is not None:
        owner = () if budget.key.owner_id is None else (budget.key.owner_id,)
        team = budget.key.team
        return _Bound(f"of the key {budget.key.name!r} of team {team}", owner, (team.pk,), team.time_zone)
    if budget.team is not None:
        return _Bound(f"of team {budget.team}", teams=(budget.team.pk,), zone=budget.team.time_zone)
    if budget.user is not None:
        teams = tuple(people.teams.get(budget.user.pk, ()))
        return _Bound(f"of {budget.user.get_username()}", (budget.user.pk,), teams)
    assert budget.members_of is not None
    team, name = budget.members_of, people.names[window.subject]
    return _Bound(f"of {name} in team {team}", (window.subject,), (team.pk,), team.time_zone)

"""What a caller is told whose budget is used up, cannot be read, or cannot be kept for a model without a price."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, cast
from zoneinfo import ZoneInfo

from access.allowances.budgets import BudgetRecord
from streaming.budgets.purse import Purse
from streaming.exchange.quota import Quota
from streaming.refused import RefusalKind, Refused
from usage.budgets.periods import NEVER
from usage.money import to_dollars
from usage.reports.formatting import dollars
from usage.sentence import Sentence

Period = Literal["day", "week", "month", "total"]

_PERIODS = {"day": "a day", "week": "a week", "month": "a month", "total": "in total"}


def quota_of(purse: Purse) -> Quota:
    """Returns how far a budget is used, as this worker knows it."""
    facts, budget, resets_at = purse.facts, purse.budget, purse.resets_at
    used = facts.spent + facts.drawn - purse.free
    return Quota(
        cast("Period", budget.period),
        facts.limit,
        used if used > 0 else 0,
        None if resets_at >= NEVER else resets_at,
        budget.whom == "team",
    )


def _models(budget: BudgetRecord) -> Sentence:
    """Returns which models count in a budget: with another one a request may pass."""
    names = budget.models.split()
    return Sentence(" for the models {names}", names=", ".join(names)) if names else Sentence("")


def _whom_to_ask(budget: BudgetRecord) -> Sentence:
    """Returns who decides on more. Budgets of keys and teams bind service keys too, whose users need no account."""
    if budget.whom == "user":
        return Sentence("ask for more at /my/ of this gateway: its owners and administrators decide")
    if budget.whom == "member":
        return Sentence("ask for more at /my/ of this gateway: a lead of your team or an administrator decides")
    return Sentence("ask a lead of your team or an administrator of this gateway (if you have an account, at its /my/)")


def used_up(purse: Purse, need: int) -> Refused:
    """Returns the refusal of a request that does not fit into a budget; `need` is what it reserves, in pico-dollars."""
    budget, zone = purse.budget, ZoneInfo(purse.budget.zone)
    if purse.resets_at >= NEVER:
        resets = "never"
    else:
        resets = f"{datetime.fromtimestamp(purse.resets_at, zone):%Y-%m-%d at %H:%M} ({budget.zone})"
    what = Sentence(
        "The budget {label}{models} of ${amount:,.2f} {period} has not enough left for this request, which reserves "
        "{need}: ${used:,.2f} are spent or reserved. It resets: {resets}. To go on earlier, {ask}.",
        code="budget_used_up",
        label=budget.label,
        models=_models(budget),
        ask=_whom_to_ask(budget),
        amount=to_dollars(purse.facts.limit),
        period=_PERIODS[budget.period],
        need=dollars(to_dollars(need)),
        used=to_dollars(quota_of(purse).used),
        resets=resets,
    )
    return Refused(RefusalKind.QUOTA_EXHAUSTED, what, code="budget_used_up", quota=quota_of(purse))


def unreadable() -> Refused:
    """Returns the refusal of a request whose budgets cannot be read."""
    return Refused(
        RefusalKind.QUOTA_EXHAUSTED,
        Sentence(
            "This gateway cannot read the budgets of your client key now, so it sends nothing that they may not cover. "
            "Try again in a minute; if it lasts, tell an administrator of this gateway.",
            code="budget_unreadable",
        ),
        code="budget_unreadable",
        quota=Quota(
            period="total", most=0, used=0, resets_at=None,
            unreadable=True,
        ),
    )  # fmt: skip


def unpriced(model_name: str) -> Refused:
    """Returns the refusal of a model that has no price while a budget is to be kept."""
    return Refused(
        RefusalKind.FORBIDDEN,
        Sentence(
            "The model {model} has no price in this gateway, and your budget can only be kept for models with one. "
            "Ask an administrator of this gateway to enter its price, or use another model.",
            code="model_unpriced",
            model=model_name,
        ),
        code="model_unpriced",
    )


def searches_unpriced(model_name: str) -> Refused:
    """Returns the refusal of a request that lets a model search the web, which has no price there."""
    return Refused(
        RefusalKind.FORBIDDEN,
        Sentence(
            "Web searches of the model {model} have no price in this gateway, and your budget can only be kept for "
            "what has one. Ask an administrator of this gateway to enter the price, or leave the web search tool out.",
            code="searches_unpriced",
            model=model_name,
        ),
        code="searches_unpriced",
    )

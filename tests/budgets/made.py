"""People, keys, budgets and rows that tests of budgets make."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model

from access.allowances.budgets import BudgetRecord
from access.allowances.models import Budget
from access.key_records import load_keys
from access.keys import new_key
from access.models import ClientKey, Membership, Team
from tests.usage.dated import attempt, day, request
from usage.budgets.models import BudgetBlock, BudgetWindow
from usage.journal.records import Finished
from usage.journal.writer import Writer
from usage.money import PICO, to_dollars

CENT = PICO // 100
WORKER = "worker-1"


def person(name: str) -> Any:
    return get_user_model().objects.create_user(name)


def key_of(team: Team, name: str, owner: Any = None) -> ClientKey:
    if owner is not None:
        Membership.objects.get_or_create(team=team, user=owner)
    made = new_key()
    return ClientKey.objects.create(team=team, owner=owner, name=name, prefix=made.prefix, hash=made.hash)


def budget(amount: int = 3, period: str = "month", created: str = "2026-01-01", **fields: Any) -> Budget:
    return Budget.objects.create(amount=amount, period=period, created_at=day(created), **fields)


def bound(key: ClientKey) -> tuple[BudgetRecord, ...]:
    """What binds a key, as requests see it."""
    return load_keys()[key.hash].budgets


def finished(
    moment: str | datetime,
    *costs: int | None,
    model: str = "m",
    reserved: int | None = None,
    drawn_from: Sequence[int] = (),
    **fields: Any,
) -> Finished:
    """A request whose attempts cost so much; with `reserved` so much was taken from blocks for each of them."""
    one = request(day(moment) if isinstance(moment, str) else moment, worker=WORKER if reserved else "", **fields)
    shared: dict[str, Any] = {"model_name": model, "reserved": reserved, "drawn_from": list(drawn_from) or None}
    return one, [attempt(one, number=at, cost=cost, **shared) for at, cost in enumerate(costs, 1)]


def write(*batch: Finished) -> None:
    """What a worker's writer does with accounts that have ended, and whoever adopts a journal."""
    assert Writer(lambda account: None).write_through(list(batch))


def row(moment: str, *costs: int | None, **fields: Any) -> None:
    write(finished(moment, *costs, **fields))


def block(window_id: int, amount: int, worker: str = WORKER) -> BudgetBlock:
    """What drawing leaves behind: a worker has so much of a window."""
    window = BudgetWindow.objects.get(pk=window_id)
    window.drawn += to_dollars(amount)
    window.save()
    return BudgetBlock.objects.create(
        window=window, worker=worker, amount=to_dollars(amount), heartbeat=window.starts_at
    )

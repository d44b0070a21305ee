"""Takes money from the windows of budgets for one worker, in one transaction, and at most once.

No draw brings what is spent and drawn of a window together over its limit. Money is in pico-dollars.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

import msgspec
from django.db import connection, transaction

from usage.budgets.bank import (
    BLOCKS,
    WANTED,
    WINDOWS,
    Facts,
    Mark,
    locked_ids,
    return_amounts,
    select_locked,
    sql_now,
    unlifted,
)
from usage.budgets.models import BudgetBlock

SHARE = 50
"""A block is at most this part of what is left: a fiftieth."""
NEEDS = 20
"""A block is at most so many times what a request needs; of a window with less left nothing is drawn in advance."""

WAIT_SECONDS = 1.0
"""How long a request that does not fit waits for money that workers hold."""


class Want(msgspec.Struct, frozen=True):
    """What a request lacks of each window that binds it, by their ids, and the whole reservation that it is part of.

    `amounts` are what the budgets of these windows allow now, by the same ids. One that `extends` an answer under way
    is granted to a marked key too.
    """

    lacks: Mapping[int, int]
    need: int
    amounts: Mapping[int, int]
    key_id: int
    extends: bool = False


class Refusal(msgspec.Struct, frozen=True):
    """The window that has not enough, and whether that is because the key is marked there, or the window is removed."""

    window_id: int
    marked: bool = False
    removed: bool = False


class Drawn(msgspec.Struct, frozen=True):
    """The outcome of `draw`: None for each want that was granted, what was drawn in advance, and the windows."""

    refusals: list[Refusal | None]
    advance: dict[int, int]
    facts: dict[int, Facts]
    marks: list[Mark]


class Draw:
    """One draw of a worker: each want is granted in all of its windows or in none, in their order, and while much is
    left more is drawn in advance.

    Where a commit was lost, nobody knows whether it happened: `make` it again, or `undo` it, before the worker draws
    anything else.
    """

    def __init__(self, worker: str, wants: Sequence[Want]) -> None:
        self._worker = worker
        self._wants = wants
        self._id = secrets.randbits(63)
        self._amounts: dict[int, int] = {}
        for want in wants:
            self._amounts.update(want.amounts)
        self._outcome: Drawn | None = None
        """Of a try that came to its commit."""
        self._taken: dict[int, int] = {}

    @property
    def may_be_made(self) -> bool:
        """Whether money may have been drawn."""
        return bool(self._taken)

    def make(self) -> Drawn:
        """Draws, unless an earlier call has; returns the outcome."""
        with transaction.atomic():
            facts = _locked(self._amounts)
            marks = unlifted(facts)
            if self._outcome is not None and self._is_committed():
                return msgspec.structs.replace(self._outcome, facts=facts, marks=marks)
            drawn_before = {window: each.drawn for window, each in facts.items()}
            refusals, advance = self._grant(facts, marks)
            taken = {window: each.drawn - drawn_before[window] for window, each in facts.items()}
            taken = {window: amount for window, amount in taken.items() if amount}
            _take(self._worker, self._id, self._amounts, taken)
            _want(self._waiting(refusals, facts))
            self._taken = taken
            self._outcome = Drawn(refusals, advance, facts, marks)
        return self._outcome

    def undo(self) -> None:
        """Gives back what was drawn, unless an earlier call has."""
        with transaction.atomic():
            locked_ids(self._taken)
            if self._is_committed():
                return_amounts(self._worker, self._taken)
                # Nor is it undone twice, where the answer to this commit is lost.
                BudgetBlock.objects.filter(worker=self._worker, draw_id=self._id).update(draw_id=None)
        self._taken = {}

    def _is_committed(self) -> bool:
        """Call it with the windows locked: whoever commits this draw has their locks until then."""
        return BudgetBlock.objects.filter(worker=self._worker, draw_id=self._id, window__in=self._taken).exists()

    def _waiting(self, refusals: Sequence[Refusal | None], facts: Mapping[int, Facts]) -> list[int]:
        """Returns the windows that would have enough if nobody held anything of them."""
        return [
            refusal.window_id
            for want, refusal in zip(self._wants, refusals, strict=True)
            if refusal is not None
            and not (refusal.marked or refusal.removed)
            and facts[refusal.window_id].limit - facts[refusal.window_id].spent >= want.lacks[refusal.window_id]
        ]

    def _grant(self, facts: dict[int, Facts], marks: Sequence[Mark]) -> tuple[list[Refusal | None], dict[int, int]]:
        """Returns the refusals and what is drawn in advance; changes the facts."""
        refusals, needs = [], dict[int, int]()
        for want in self._wants:
            refusal = _refusal(want, facts, marks)
            refusals.append(refusal)
            if refusal is None:
                for window, lack in want.lacks.items():
                    facts[window] = _with(facts[window], lack)
                    if lack:
                        needs[window] = max(needs.get(window, 0), want.need)
        advance = {window: more for window, need in needs.items() if (more := _advance(facts[window], need))}
        for window, more in advance.items():
            facts[window] = _with(facts[window], more)
        return refusals, advance


def draw(worker: str, wants: Sequence[Want]) -> Drawn:
    """Makes one draw. Raises django.db.Error."""
    return Draw(worker, wants).make()


def _want(windows: Sequence[int]) -> None:
    """Lets workers know that a request waits for money of these, which are locked."""
    until = sql_now(WAIT_SECONDS)
    with connection.cursor() as cursor:
        for window in sorted(set(windows)):
            cursor.execute(f"UPDATE {WINDOWS} SET wanted_until = %s WHERE id = %s", [until, window])  # noqa: S608


def _locked(amounts: Mapping[int, int]) -> dict[int, Facts]:
    """Locks windows and reads them with the limits that hold now."""
    rows = select_locked(f"id, raised, spent, drawn, {WANTED}", amounts, sql_now())
    return {
        identity: Facts(amounts[identity] + raised, spent, drawn, bool(wanted))
        for identity, raised, spent, drawn, wanted in rows
    }


def _refusal(want: Want, facts: Mapping[int, Facts], marks: Sequence[Mark]) -> Refusal | None:
    for each in marks:
        if each.key_id == want.key_id and each.window_id in want.lacks and not want.extends:
            return Refusal(each.window_id, marked=True)
    for window, lack in want.lacks.items():
        if window not in facts:
            return Refusal(window, removed=True)
        # What is lacking of an overdrawn window may be nothing: the worker holds it.
        if lack and facts[window].left < lack:
            return Refusal(window)
    return None


def _advance(facts: Facts, need: int) -> int:
    """Returns what to draw beyond what was asked for."""
    left = facts.left
    return min(left // SHARE, NEEDS * need) if left >= NEEDS * need and not facts.wanted else 0


def _with(facts: Facts, more: int) -> Facts:
    return Facts(facts.limit, facts.spent, facts.drawn + more, facts.wanted)


def _take(worker: str, draw_id: int, amounts: Mapping[int, int], taken: Mapping[int, int]) -> None:
    now = sql_now()
    changes = sorted(taken.items())
    with connection.cursor() as cursor:
        for window, amount in changes:
            cursor.execute(
                f"UPDATE {WINDOWS} SET drawn = drawn + %s, amount = %s WHERE id = %s",  # noqa: S608
                [amount, amounts[window], window],
            )
        for window, amount in changes:
            cursor.execute(
                f"INSERT INTO {BLOCKS} (window_id, worker, amount, heartbeat, uncertain, draw_id) "  # noqa: S608
                f"VALUES (%s, %s, %s, %s, %s, %s) "
                f"ON CONFLICT (window_id, worker) DO UPDATE SET amount = {BLOCKS}.amount + excluded.amount, "
                "heartbeat = excluded.heartbeat, settled_at = NULL, draw_id = excluded.draw_id",
                [window, worker, amount, now, False, draw_id],
            )

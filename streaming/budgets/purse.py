"""Money in the memory of one worker: what it holds of a window, and what requests have reserved of that. Sans-IO.

What is held here is never more than the worker's block in the database: money enters when a draw has taken it there,
and leaves before it is given back. What a row settles leaves the block with the row, and is not in `free` before.
"""

from __future__ import annotations

from collections.abc import Sequence

from access.allowances.budgets import BudgetRecord
from providers.events import Tokens
from streaming.budgets.estimate import NO_LIMIT, Estimate
from usage.budgets.bank import Facts, Mark
from usage.budgets.draw import NEEDS, Want
from usage.cost import Prices
from usage.journal.records import AttemptRecord


class Purse:
    """One window. `free` is money that no request has reserved, `facts` is the window as it was last seen.

    `bell` is what the bell showed before the window was last read: marks that were made since are not known here.
    """

    __slots__ = (
        "bell", "budget", "facts", "free", "held", "id", "last_need", "marks", "resets_at", "starts_at", "uncertain",
        "used_at",
    )  # fmt: skip

    def __init__(self, budget: BudgetRecord, id: int, starts_at: float, resets_at: float, facts: Facts) -> None:
        self.budget = budget
        self.id = id
        self.starts_at = starts_at
        self.resets_at = resets_at
        self.facts = facts
        self.free = 0
        self.held = 0
        """What requests have reserved, and what is on its way to them."""
        self.last_need = 0
        self.used_at = 0.0
        self.uncertain = False
        self.marks: dict[int, Mark] = {}
        self.bell = b""

    @property
    def near_cap(self) -> bool:
        """Whether so little is left, or wanted by others, that no money should lie here without use."""
        facts = self.facts
        return facts.wanted or facts.limit - facts.spent - facts.drawn < NEEDS * self.last_need

    def take(self, most: int) -> int:
        """Takes free money for a request; returns how much."""
        taken = min(self.free, most)
        self.free -= taken
        self.held += taken
        return taken

    def put(self, amount: int) -> None:
        """Makes money of a request free again."""
        self.held -= amount
        self.free += amount


class DoesNotFit(Exception):
    """A window has not enough for a reservation."""

    def __init__(self, purse: Purse) -> None:
        super().__init__(purse.id)
        self.purse = purse


class Claim:
    """Money on its way to one reservation: the same `need` of each purse."""

    __slots__ = ("closed", "extends", "key_id", "need", "parts", "purses", "whole")

    def __init__(
        self, purses: Sequence[Purse], need: int, key_id: int, *, whole: int | None = None, extends: int = 0
    ) -> None:
        self.purses = purses
        self.need = need
        self.key_id = key_id
        self.extends = extends
        """What an answer under way has reserved that it extends, 0 of a new one."""
        self.whole = need if whole is None else whole
        """The request's whole reservation, by which blocks are measured."""
        self.parts = [0] * len(purses)
        self.closed = False

    def take_free(self) -> bool:
        """Takes what is free; returns whether nothing is lacking."""
        complete = True
        for at, purse in enumerate(self.purses):
            self.parts[at] += purse.take(self.need - self.parts[at])
            complete = complete and self.parts[at] == self.need
        return complete

    def want(self) -> Want:
        """Returns what to draw."""
        return Want(
            {purse.id: self.need - part for purse, part in zip(self.purses, self.parts, strict=True)},
            self.whole,
            {purse.id: purse.budget.amount for purse in self.purses},
            self.key_id,
            bool(self.extends),
        )

    def granted(self, want: Want) -> None:
        """Takes what was drawn for it. If nobody waits for it any more, the money is free."""
        for at, purse in enumerate(self.purses):
            amount = want.lacks[purse.id]
            if self.closed:
                purse.free += amount
            else:
                purse.held += amount
                self.parts[at] += amount

    def put_back(self) -> None:
        """Makes all of it free again."""
        for at, purse in enumerate(self.purses):
            purse.put(self.parts[at])
            self.parts[at] = 0

    def close(self) -> None:
        """Gives up: what is still drawn for it is free."""
        self.put_back()
        self.closed = True


class Reservation:
    """What one attempt has reserved of each of its windows, in pico-dollars.

    `record` has the same in the journal: money that is returned here is free only after `release`, which follows the
    journal's next line of the request. `next_at` is at how many tokens of output the next slice must be reserved,
    `seen` the tokens that `fixed` is known from. `unpaid` is what was let through while no money could be reserved.
    """

    __slots__ = (
        "amount",
        "estimate",
        "excess",
        "fixed",
        "next_at",
        "prices",
        "prompt_known",
        "purses",
        "record",
        "seen",
        "settled",
        "unpaid",
    )

    def __init__(self, purses: Sequence[Purse], estimate: Estimate, prices: Prices) -> None:
        self.purses = purses
        self.estimate = estimate
        self.prices = prices
        self.amount = amount = estimate.need
        self.fixed = fixed = estimate.fixed
        self.next_at = NO_LIMIT if estimate.most <= estimate.slice else estimate.covered(amount, fixed)
        self.excess = self.unpaid = 0
        self.settled = False
        self.prompt_known = False
        self.seen: Tokens | None = None
        self.record: AttemptRecord | None = None

    def recorded(self, record: AttemptRecord) -> None:
        """Notes the reservation in the attempt's record, before it is admitted."""
        self.record = record
        record.reserved, record.drawn_from = self.amount, [purse.id for purse in self.purses]

    def reports(self, tokens: Tokens, cost: int | None) -> None:
        """Corrects the input: its cost is known now."""
        self.seen = tokens
        if cost is not None:
            self.fixed, self.prompt_known = cost, True
            self._cover()

    def more_for(self, tokens: int) -> int:
        """Returns what the slice after so many tokens of output needs beyond what is reserved."""
        return max(0, self.estimate.reaching(tokens, self.fixed) - self.amount)

    def extended(self, more: int) -> None:
        """Adds a slice, whose money is taken already."""
        self._set(self.amount + more)
        self.unpaid = 0
        self._cover()

    def lets_through(self, more: int) -> None:
        """Lets a slice through whose money cannot be reserved; the next one reserves this one, too."""
        self.unpaid = more
        self._cover()

    def shrunk(self, tokens: int) -> bool:
        """Returns what neither the input nor the slice after so many tokens needs; whether there was any.

        It is free after `release`.
        """
        spare = self.amount - self.estimate.reaching(tokens, self.fixed)
        if spare <= 0 or self.settled:
            return False
        self.excess += spare
        self._set(self.amount - spare)
        self._cover()
        return True

    def ended(self, cost: int) -> None:
        """Ends the reservation with what the attempt costs. What it costs beyond is taken of free money if there is
        enough, else the window is overdrawn."""
        self.settled = True
        self.next_at = NO_LIMIT
        over = cost - self.amount
        if over > 0:
            if not all(purse.free >= over for purse in self.purses):
                return
            for purse in self.purses:
                purse.take(over)
        else:
            self.excess -= over
        self._set(cost)

    def release(self) -> None:
        """Makes free what was returned: the journal knows of it. What is settled leaves with the row."""
        excess = self.excess
        leaves = self.amount if self.settled else 0
        for purse in self.purses:
            purse.held -= excess + leaves
            purse.free += excess
        self.excess = 0
        if leaves:
            self.amount = 0

    def _cover(self) -> None:
        self.next_at = self.estimate.covered(self.amount + self.unpaid, self.fixed)

    def _set(self, amount: int) -> None:
        self.amount = amount
        if self.record is not None:
            self.record.reserved = amount

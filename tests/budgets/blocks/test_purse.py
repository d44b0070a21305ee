"""The arithmetic of blocks: whatever requests do and in whatever order, a worker never uses money that its block in the
database does not have, and the journal never knows of less than is in use."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from access.allowances.budgets import BudgetRecord
from providers.events import Tokens
from streaming.budgets.estimate import NO_LIMIT, Estimate
from streaming.budgets.purse import Claim, Purse, Reservation
from usage.budgets.bank import Facts
from usage.budgets.draw import Want
from usage.cost import Prices
from usage.journal.account import new_identity
from usage.journal.records import AttemptRecord

BUDGET = BudgetRecord(id=1, whom="team", label="of team Blue", amount=10_000, period="day", zone="UTC", counts_from=0)
PRICES = Prices(input=1, output=3)
INPUT = 100


def purse(number: int) -> Purse:
    return Purse(BUDGET, number, 0.0, 1.0, Facts(10_000, 0, 0))


def needed(fixed: int = 125, token: int = 3, slice: int = 80, most: int = 400) -> Estimate:
    return Estimate(fixed, token, slice, most, fixed + min(slice, most) * token, INPUT)


def attempt() -> AttemptRecord:
    return AttemptRecord(id=new_identity(), request_log_id=new_identity(), number=1)


class Blocks(RuleBasedStateMachine):
    """One worker with two windows. The model of the database has what was drawn, and takes what rows settle."""

    def __init__(self) -> None:
        super().__init__()
        self.purses = [purse(1), purse(2)]
        self.block = {1: 0, 2: 0}
        self.waiting: list[tuple[Claim, Want]] = []
        self.running: list[Reservation] = []
        self.ended: list[tuple[Reservation, AttemptRecord]] = []
        self.rows: list[AttemptRecord] = []
        self.journal: dict[Any, int] = {}

    @rule(which=st.sampled_from([(0,), (1,), (0, 1)]), size=st.integers(0, 300))
    def begin(self, which: tuple[int, ...], size: int) -> None:
        estimate = needed(fixed=size)
        claim = Claim([self.purses[at] for at in which], estimate.need, 7)
        if claim.take_free():
            self._reserved(claim, estimate)
        else:
            self.waiting.append((claim, claim.want()))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), advance=st.integers(0, 500), outcome=st.sampled_from(["granted", "refused", "gone"]))
    def drawn(self, data: st.DataObject, advance: int, outcome: str) -> None:
        claim, want = self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1)))
        if outcome == "refused":
            claim.close()
            return
        for window, lack in want.lacks.items():
            self.block[window] += lack + advance
            self.purses[window - 1].free += advance
        if outcome == "gone":
            claim.close()
        claim.granted(want)
        if outcome == "granted":
            self._reserved(claim, needed(fixed=claim.need - 80 * 3))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), tokens=st.integers(0, 400), cost=st.integers(0, 400))
    def reports(self, data: st.DataObject, tokens: int, cost: int) -> None:
        reservation = self._one(data)
        reservation.reports(Tokens(input=cost), cost)
        if data.draw(st.booleans()) and reservation.shrunk(tokens):
            self._journaled(reservation)
            reservation.release()

    @precondition(lambda self: self.running)
    @rule(data=st.data(), tokens=st.integers(0, 400))
    def extends(self, data: st.DataObject, tokens: int) -> None:
        reservation = self._one(data)
        more = reservation.more_for(tokens)
        claim = Claim(reservation.purses, more, 7, extends=reservation.amount)
        if claim.take_free():
            reservation.extended(more)
            self._journaled(reservation)
            assert tokens < reservation.next_at or reservation.next_at == NO_LIMIT
        else:
            claim.close()

    @precondition(lambda self: self.running)
    @rule(data=st.data(), cost=st.integers(0, 2_000))
    def settles(self, data: st.DataObject, cost: int) -> None:
        reservation = self._one(data)
        self.running.remove(reservation)
        before = reservation.amount
        reservation.ended(cost)
        assert reservation.amount in (cost, before)
        assert reservation.record is not None
        self.ended.append((reservation, reservation.record))

    @precondition(lambda self: self.ended)
    @rule()
    def the_journal_knows_of_an_end(self) -> None:
        reservation, record = self.ended.pop(0)
        self._journaled(reservation)
        reservation.release()
        self.rows.append(record)

    @precondition(lambda self: self.rows)
    @rule()
    def a_row_is_written(self) -> None:
        record = self.rows.pop(0)
        for window in record.drawn_from or ():
            self.block[window] -= record.reserved or 0
        del self.journal[record.id]

    @rule()
    def gives_back(self) -> None:
        for each in self.purses:
            self.block[each.id] -= each.free
            each.free = 0

    def _one(self, data: st.DataObject) -> Reservation:
        return self.running[data.draw(st.integers(0, len(self.running) - 1))]

    def _reserved(self, claim: Claim, estimate: Estimate) -> None:
        reservation = Reservation(claim.purses, estimate, PRICES)
        assert claim.parts == [reservation.amount] * len(claim.purses)
        reservation.recorded(attempt())
        self.running.append(reservation)
        self._journaled(reservation)

    def _journaled(self, reservation: Reservation) -> None:
        assert reservation.record is not None
        assert reservation.record.reserved is not None
        self.journal[reservation.record.id] = reservation.record.reserved

    @invariant()
    def nothing_is_negative(self) -> None:
        for each in self.purses:
            assert each.free >= 0
            assert each.held >= 0

    @invariant()
    def a_block_has_what_is_free_and_held_and_what_rows_will_take(self) -> None:
        for each in self.purses:
            unwritten = sum(record.reserved or 0 for record in self.rows if each.id in (record.drawn_from or ()))
            assert each.free + each.held + unwritten == self.block[each.id]

    @invariant()
    def what_the_journal_would_settle_is_in_the_block(self) -> None:
        records = [*self.rows, *(record for _, record in self.ended)]
        records += [reservation.record for reservation in self.running if reservation.record is not None]
        for each in self.purses:
            settled = sum(self.journal[record.id] for record in records if each.id in (record.drawn_from or ()))
            assert settled <= self.block[each.id]


TestBlocks = Blocks.TestCase
TestBlocks.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


class TestAClaim:
    def test_takes_what_is_free_and_wants_the_rest(self) -> None:
        rich, poor = purse(1), purse(2)
        rich.free, poor.free = 100, 30
        claim = Claim([rich, poor], 50, 7)
        assert not claim.take_free()
        assert claim.want() == Want({1: 0, 2: 20}, 50, {1: 10_000, 2: 10_000}, 7)
        claim.put_back()
        assert (rich.free, poor.free, rich.held, poor.held) == (100, 30, 0, 0)

    def test_money_for_one_that_has_given_up_is_free(self) -> None:
        one = purse(1)
        claim = Claim([one], 50, 7)
        want = claim.want()
        claim.close()
        claim.granted(want)
        assert (one.free, one.held) == (50, 0)


class TestAReservation:
    def test_what_costs_more_than_was_reserved_is_taken_of_free_money(self) -> None:
        one = purse(1)
        one.free = 1_000
        claim = Claim([one], needed().need, 7)
        assert claim.take_free()
        reservation = Reservation([one], needed(), PRICES)
        record = attempt()
        reservation.recorded(record)
        reservation.ended(reservation.amount + 100)
        assert record.reserved == needed().need + 100
        assert one.free == 1_000 - needed().need - 100

    def test_without_free_money_the_window_is_overdrawn(self) -> None:
        one = purse(1)
        one.free = needed().need
        assert Claim([one], needed().need, 7).take_free()
        reservation = Reservation([one], needed(), PRICES)
        record = attempt()
        reservation.recorded(record)
        reservation.ended(10_000)
        assert (record.reserved, one.free) == (needed().need, 0)

    def test_a_reported_input_leaves_more_or_less_for_output(self) -> None:
        reservation = Reservation([purse(1)], needed(), PRICES)
        assert reservation.next_at == 72  # a tenth before the slice of 80 is used
        reservation.reports(Tokens(input=65), 65)
        assert reservation.next_at == 92  # twenty tokens more, at 3 each
        reservation.reports(Tokens(input=1_000), 1_000)
        assert reservation.next_at == 0
        assert reservation.more_for(0) == 1_000 + 80 * 3 - needed().need

    def test_what_covers_max_tokens_is_never_extended(self) -> None:
        assert Reservation([purse(1)], needed(most=80), PRICES).next_at == NO_LIMIT
        assert Reservation([purse(1)], needed(token=0), PRICES).next_at == NO_LIMIT

    def test_a_slice_that_cannot_be_reserved_is_let_through_once_and_reserved_with_the_next(self) -> None:
        reservation = Reservation([purse(1)], needed(), PRICES)
        reservation.lets_through(reservation.more_for(72))
        assert (reservation.amount, reservation.next_at) == (needed().need, 72 + 80 - 8)
        reservation.reports(Tokens(input=125), 125)
        assert reservation.next_at == 72 + 80 - 8
        more = reservation.more_for(144)
        assert more == 144 * 3
        reservation.extended(more)
        assert (reservation.amount, reservation.next_at) == (needed().need + more, 144 + 80 - 8)

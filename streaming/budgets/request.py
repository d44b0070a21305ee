"""The budgets of one request: what its attempts reserve, correct, extend and settle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from django.conf import settings

from access.allowances.budgets import BudgetRecord
from access.keys import KeyRecord
from providers.events import Tokens
from routing.snapshot import CandidateConfig
from streaming.budgets import refusals
from streaming.budgets.budgets import Budgets
from streaming.budgets.estimate import NO_LIMIT, Estimate, estimate, prompt_cost, searches
from streaming.budgets.purse import Claim, DoesNotFit, Purse, Reservation
from streaming.budgets.teller import StoreUnreadable, WindowRemoved
from streaming.encoding.counted import least_output
from streaming.exchange.quota import Quota, order
from usage.budgets.bank import Mark
from usage.cost import Prices, in_force
from usage.journal.account import Account
from usage.journal.records import AttemptRecord

_SEARCHES = frozenset({"anthropic"})
"""Dialects whose providers run web searches, and report how many they ran."""
_UNMEASURED = -1
"""Instead of how much of an answer was written, while all that it can be is reserved."""


class Progress(Protocol):
    """What an answer's encoder says of it."""

    tokens: Tokens

    @property
    def new_chars(self) -> int:
        """Characters that the attempt wrote."""
        ...


class AttemptMoney(Reservation):
    """The reservation of one attempt: `begin` it before the attempt is admitted, `settle` it at the end."""

    __slots__ = ("_burst", "_owner", "_written", "quiet_for")

    def __init__(self, owner: RequestBudgets, purses: Sequence[Purse], needed: Estimate, prices: Prices) -> None:
        Reservation.__init__(self, purses, needed, prices)
        self._owner = owner
        self._written = self._burst = 0
        self.quiet_for: Tokens | None = None
        """The tokens that were reported when nothing was left to look at: until others are, `covers` is true."""

    def begin(self, record: AttemptRecord) -> None:
        """Notes what is reserved in the attempt's record, before it is admitted."""
        self._owner.begun()
        self.recorded(record)

    async def lacks_journal(self) -> None:
        """Notes in the database that the journal does not know of the attempt. Raises Refused where that fails, too."""
        await self._owner.lacks_journal(self.purses)

    def covers(self, progress: Progress) -> bool:
        """Returns whether what is reserved covers the answer so far and what is on its way."""
        tokens = progress.tokens
        if tokens is not self.seen:
            self._correct(tokens)
        if self.next_at == NO_LIMIT:
            self.quiet_for, self._written = tokens, _UNMEASURED
            return True
        self.quiet_for = None
        written = least_output(tokens, progress.new_chars)
        if self._written != _UNMEASURED:
            # A provider that sends much at a time has generated the next piece before it could be stopped.
            self._burst = max(self._burst, written - self._written)
        burst, self._written = self._burst, written
        return written + burst < self.next_at

    async def extend(self) -> bool:
        """Reserves the next slice; returns whether there was money for it."""
        return await self._owner.extend(self, self._written)

    def shrink(self) -> None:
        """Returns to the budgets what the attempt does not need, once the journal knows."""
        self.quiet_for = None
        unmeasured = self.next_at == NO_LIMIT or self._written == _UNMEASURED
        # Whoever does not look at the answer must be able to pay for all of it.
        if self.shrunk(self.estimate.most if unmeasured else self._written):
            self._owner.shrunk(self)

    def settle(self, cost: int) -> None:
        """Ends the reservation with what the attempt costs."""
        self.ended(cost)
        self._owner.settled(self)

    def _correct(self, tokens: Tokens) -> None:
        near_cap = False
        if tokens.input is not None:
            for purse in self.purses:
                near_cap = near_cap or purse.near_cap
        if self.next_at == NO_LIMIT and not near_cap:
            # All that the answer can cost is reserved, and nobody waits for what it does not.
            self.seen = tokens
            return
        self.reports(tokens, prompt_cost(self.prices, tokens))
        if near_cap and self.prompt_known:
            self.shrink()


class RequestBudgets:
    """Made for a request whose key has budgets. `quota` is the hard one nearest its cap, None while none is known."""

    __slots__ = ("_account", "_budgets", "_key", "_moment", "_refused", "_settled", "quota")

    def __init__(self, budgets: Budgets, key: KeyRecord, account: Account) -> None:
        self._budgets = budgets
        self._key = key
        self._account = account
        self._moment = account.request.started_at.timestamp()
        self._settled: list[AttemptMoney] = []
        self._refused: tuple[Purse, int] | None = None
        self.quota: Quota | None = None

    def reserve_now(
        self, candidate: CandidateConfig, body: Mapping[str, Any], tokens: int
    ) -> AttemptMoney | Literal[False] | None:
        """Reserves in memory for an attempt whose prompt has about so many tokens; returns None where no hard budget
        binds it, False where that takes the database. Raises Refused for a model without a price."""
        purses = self._known(candidate)
        if not purses:
            return False if purses is None else None
        prices = in_force(candidate.model.prices, self._moment)
        needed = self._estimate(prices, candidate, body, tokens)
        if needed is None:
            return None
        if not self._budgets.take(purses, needed.need, self._key.id):
            return False
        return self._reserved(purses, needed, prices)

    async def reserve(self, candidate: CandidateConfig, body: Mapping[str, Any], tokens: int) -> AttemptMoney | None:
        """Does the same with the database, and waits for money that others hold. Raises Refused."""
        if self._settled and self._account.admit():
            # What the last attempt did not need is there for the next one.
            self.release()
        try:
            purses = self._known(candidate) or await self._opened(candidate)
            prices = in_force(candidate.model.prices, self._moment)
            needed = self._estimate(prices, candidate, body, tokens)
            if needed is None:
                return None
            claim = Claim(purses, needed.need, self._key.id)
            try:
                await self._budgets.reserve(claim)
            except WindowRemoved:
                claim = Claim(await self._opened(candidate), needed.need, self._key.id)
                await self._budgets.reserve(claim)
        except StoreUnreadable:
            if settings.UNREADABLE_BUDGETS == "serve":
                return None
            raise refusals.unreadable() from None
        except DoesNotFit as error:
            self._refused = error.purse, claim.need
            raise refusals.used_up(error.purse, claim.need) from None
        return self._reserved(claim.purses, needed, prices)

    async def extend(self, money: AttemptMoney, written: int) -> bool:
        """Reserves the slice after so many tokens of output; if there is no money for it, the key is marked.

        Where budgets cannot be read the answer ends, too, unless such requests are served.
        """
        more, budgets, need = money.more_for(written), self._budgets, money.estimate.need
        claim = Claim(money.purses, more, self._key.id, whole=need, extends=money.amount)
        try:
            await budgets.reserve(claim)
            money.extended(more)
            if not self._account.admit():
                await budgets.certainty.set_uncertain(money.purses)
        except DoesNotFit as error:
            await self._mark(error.purse, need, money.amount)
            return False
        except StoreUnreadable:
            if settings.UNREADABLE_BUDGETS != "serve":
                return False
            if claim.closed:
                money.lets_through(more)
        return True

    async def mark_refused(self) -> None:
        """Marks the key where the last attempt was refused: what had been answered by then was ended for that."""
        if self._refused is not None:
            await self._mark(*self._refused, 0)

    async def lacks_journal(self, purses: Sequence[Purse]) -> None:
        """Notes in the database that the journal does not know of an attempt. Raises Refused where that fails, too."""
        try:
            await self._budgets.certainty.set_uncertain(purses)
        except StoreUnreadable:
            if settings.UNREADABLE_BUDGETS != "serve":
                raise refusals.unreadable() from None

    def begun(self) -> None:
        """Notes in the request's record of whose blocks its attempts have reserved."""
        self._account.request.worker = self._budgets.worker

    def shrunk(self, money: AttemptMoney) -> None:
        """Makes free what a running attempt does not need, once the journal knows."""
        if self._account.admit() or all(purse.uncertain for purse in money.purses):
            money.release()
            self._budgets.returned(money.purses)

    def settled(self, money: AttemptMoney) -> None:
        """Notes that an attempt has ended; `release` follows when the journal knows."""
        self._budgets.running.discard(money)
        self._settled.append(money)

    def release(self) -> None:
        """Makes free what ended attempts did not need; call it when the journal knows of their end."""
        for money in self._settled:
            money.release()
            self._budgets.returned(money.purses)
        self._settled.clear()

    async def _mark(self, purse: Purse, need: int, held: int) -> None:
        """Marks the key in a window whose answer was ended there: more than what is settled soon must come back."""
        await self._budgets.mark(Mark(purse.id, self._key.id, 2 * need + held, purse.facts.limit))

    def _known(self, candidate: CandidateConfig) -> list[Purse] | None:
        """Returns the purses of the budgets that bind an attempt, None where one must be opened."""
        moment, current, purses = self._moment, self._budgets.current, []
        for budget in self._key.budgets:
            if not _binds(budget, candidate, moment):
                continue
            purse = current.get((budget.id, budget.subject))
            if purse is None or not purse.starts_at <= moment < purse.resets_at:
                return None
            if purse.budget is not budget:
                if not budget.has_windows_of(purse.budget):
                    return None
                purse.budget = budget
            purses.append(purse)
        return purses

    async def _opened(self, candidate: CandidateConfig) -> list[Purse]:
        binding = [budget for budget in self._key.budgets if _binds(budget, candidate, self._moment)]
        return await self._budgets.open(binding, self._moment)

    def _estimate(
        self, prices: Prices, candidate: CandidateConfig, body: Mapping[str, Any], tokens: int
    ) -> Estimate | None:
        """Raises Refused for a model without a price; None where such are served."""
        needed, refused = estimate(prices, body, tokens, self._budgets.slice_tokens), refusals.unpriced
        if (
            needed is not None
            and prices.per_web_search is None
            and candidate.provider.dialect in _SEARCHES
            and searches(body)
        ):
            # What the answer costs would be unknown, its tokens too.
            needed, refused = None, refusals.searches_unpriced
        if needed is None and settings.UNPRICED_MODELS != "serve":
            raise refused(candidate.model.name)
        return needed

    def _reserved(self, purses: Sequence[Purse], needed: Estimate, prices: Prices) -> AttemptMoney:
        self.quota = refusals.quota_of(purses[0] if len(purses) == 1 else max(purses, key=_order))
        money = AttemptMoney(self, purses, needed, prices)
        self._budgets.running.add(money)
        return money


def _binds(budget: BudgetRecord, candidate: CandidateConfig, moment: float) -> bool:
    return (
        budget.hard
        and budget.counts_from <= moment
        and (budget.model_names is None or budget.counts(candidate.model.name))
    )


def _order(purse: Purse) -> tuple[float, float]:
    """By what is spent, as /api/oauth/usage chooses: clients show its dollars if it names the budget of the headers."""
    return order(purse.facts.spent, purse.facts.limit, purse.resets_at)

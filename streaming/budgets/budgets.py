"""What a worker holds of budgets, for all of its requests: reserves, draws, gives back, and knows the marks.

All of it runs in the event loop, but for the thread that talks to the database.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from django.conf import settings

from access.allowances.budgets import BudgetRecord
from streaming.budgets.bell import Bell
from streaming.budgets.certainty import Certainty
from streaming.budgets.contract import Journaled, Running
from streaming.budgets.purse import Claim, DoesNotFit, Purse
from streaming.budgets.teller import StoreUnreadable, Teller, Unsettled, WindowRemoved
from usage.budgets import bank, windows
from usage.budgets.bank import Facts, Looked, Mark
from usage.budgets.draw import WAIT_SECONDS, Drawn

logger = logging.getLogger("gateway.budgets")

_AGAIN = 0.1
"""Seconds between two draws of one that waits."""
IDLE_SECONDS = 0.5
"""Money that nobody used for so long goes back."""
TICK_SECONDS = 0.2
LOOK_SECONDS = 1.0
"""Seconds between two looks at the windows of which requests have all that is held."""
_OFTEN = 0.4
"""The same while money is free here: others may wait for it, for at most WAIT_SECONDS."""
BEAT_SECONDS = 5.0
FORGET_SECONDS = 60.0
"""A purse that nobody used for so long is forgotten."""


class Budgets:
    """`start` it in a running loop, `stop` it when nothing is served any more."""

    def __init__(self, worker: str, bell: Path, journal: Journaled) -> None:
        self.worker = worker
        self.bell = Bell(bell)
        self.teller = Teller(worker, self.bell, self._drawn)
        self.certainty = Certainty(worker, journal, self.teller)
        self.current: dict[tuple[int, int], Purse] = {}
        self._purses: dict[int, Purse] = {}
        self.running: set[Running] = set()
        """The reservations of running attempts."""
        self._unstored: list[Mark] = []
        """Marks that the database could not take."""
        self.slice_tokens: int = settings.BUDGET_SLICE_TOKENS
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop
        self._looked_at = self._beat_at = 0.0
        self._needed = asyncio.Event()
        """Set while there is something to look after."""

    def start(self) -> None:
        """Starts the thread and the task that gives money back."""
        self.bell.start()
        self._loop = asyncio.get_running_loop()
        self.teller.start()
        self._task = self._loop.create_task(self._ticking(), name="budgets")

    async def stop(self) -> None:
        """Gives back what is free, and ends task and thread."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self._give_back(self._purses.values())
        await asyncio.get_running_loop().run_in_executor(None, self.teller.stop)

    async def open(self, budgets: Sequence[BudgetRecord], moment: float) -> list[Purse]:
        """Returns the purses of budgets at `moment`. Raises StoreUnreadable."""
        bell = self.bell.value()
        found = await self.teller.ask(lambda: windows.ensure(budgets, moment))
        purses = []
        for budget, window in zip(budgets, found, strict=True):
            purse = self._purses.get(window.id)
            if purse is None:
                facts = Facts(budget.amount + window.raised, window.spent, window.drawn)
                purse = self._purses[window.id] = Purse(budget, window.id, window.starts_at, window.resets_at, facts)
                # Which keys are marked was not read: the first request draws.
                purse.bell = bell + b"?"
                self._needed.set()
            purse.budget = budget
            current = self.current.get((budget.id, budget.subject))
            if not (current and budget.has_windows_of(current.budget) and current.starts_at >= purse.starts_at):
                self.current[budget.id, budget.subject] = purse
            purses.append(purse)
        return purses

    def take(self, purses: Iterable[Purse], need: int, key_id: int) -> bool:
        """Takes money from memory for a request; returns whether there was enough, else nothing is taken."""
        # Hot: each attempt of a request with a budget.
        bell = self.bell.value()
        for purse in purses:
            if purse.free < need or purse.bell != bell or key_id in purse.marks:
                return False
        now = self._loop.time()
        for purse in purses:
            purse.free -= need
            purse.held += need
            purse.last_need = need
            purse.used_at = now
        return True

    def reserve_now(self, claim: Claim) -> bool:
        """Takes a claim's money from memory; returns whether it is complete. If not, it has what was free."""
        bell, now = self.bell.value(), self._loop.time()
        fresh = True
        for purse in claim.purses:
            purse.used_at, purse.last_need = now, claim.whole
            fresh = fresh and purse.bell == bell and claim.key_id not in purse.marks
        return claim.take_free() and (fresh or claim.extends > 0)

    async def reserve(self, claim: Claim) -> None:
        """Takes a claim's money, of memory or of the database; waits up to a second for what others hold.

        Raises DoesNotFit, WindowRemoved or StoreUnreadable; the claim holds nothing then.
        """
        loop = self._loop
        until = loop.time() + WAIT_SECONDS
        try:
            while not self.reserve_now(claim):
                await self._store_marks()
                refusal = await self.teller.draw(claim)
                if refusal is None:
                    return
                purse = self._purses[refusal.window_id]
                if refusal.removed:
                    self._forget(purse)
                    raise WindowRemoved
                if refusal.marked or not self._may_return(purse, claim) or loop.time() >= until:
                    raise DoesNotFit(purse)
                claim.put_back()
                self.return_spare()
                await asyncio.sleep(_AGAIN)
        except BaseException:
            claim.close()
            raise

    def return_spare(self) -> None:
        """Takes back what running attempts have reserved and do not need."""
        for money in tuple(self.running):
            money.shrink()

    async def mark(self, mark: Mark) -> None:
        """Marks a key, here at once and for all workers when the database can store it; returns when it has tried."""
        self._purses[mark.window_id].marks[mark.key_id] = mark
        self._unstored.append(mark)
        try:
            await self._store_marks()
        except StoreUnreadable:
            # Nothing is drawn before they are stored, and each tick tries again.
            return

    async def _store_marks(self) -> None:
        """Stores the marks that the database does not have. Raises StoreUnreadable."""
        marks = self._unstored[:]
        if marks:
            await self.teller.ask(lambda: bank.mark(marks))
            self._unstored = [one for one in self._unstored if one not in marks]
            self.bell.ring()

    def _may_return(self, purse: Purse, claim: Claim) -> bool:
        """Whether money that is drawn of a window now may come back to it."""
        part = claim.parts[list(claim.purses).index(purse)]
        return purse.facts.drawn > part + claim.extends

    def _drawn(self, drawn: Drawn, bell: bytes) -> None:
        """Takes in what a draw has read, and what it drew in advance."""
        self._see(Looked(drawn.facts, drawn.marks), bell)
        for window, more in drawn.advance.items():
            if purse := self._purses.get(window):
                purse.free += more

    def _see(self, looked: Looked, bell: bytes) -> None:
        for window, facts in looked.facts.items():
            purse = self._purses.get(window)
            if purse is not None:
                purse.facts, purse.marks, purse.bell = facts, {}, bell
        for mark in (*looked.marks, *self._unstored):
            purse = self._purses.get(mark.window_id)
            if purse is not None:
                purse.marks[mark.key_id] = mark

    def returned(self, purses: Iterable[Purse]) -> None:
        """Notes that requests returned money to these; where little is left it goes back at once."""
        for purse in purses:
            if purse.near_cap:
                self._give_back([purse])

    def _give_back(self, purses: Iterable[Purse]) -> None:
        """Gives back what is free, in the thread."""
        given = {purse: purse.free for purse in purses if purse.free}
        if not given:
            return
        for purse in given:
            purse.free = 0
        amounts = {purse.id: amount for purse, amount in given.items()}

        def done(future: asyncio.Future[None]) -> None:
            if future.cancelled() or isinstance(future.exception(), Unsettled):
                # Settled by the next tick, whichever purses there are.
                self._needed.set()
                return
            if future.exception() is not None:
                for purse, amount in given.items():
                    purse.free += amount

        try:
            self.teller.give_back(amounts).add_done_callback(done)
        except StoreUnreadable:
            for purse, amount in given.items():
                purse.free += amount

    async def _ticking(self) -> None:
        while True:
            if not self._purses and not self._unstored and self.teller.unknown is None:
                # A window is opened before any money of it is drawn, and what is left of it is forgotten last.
                self._needed.clear()
                await self._needed.wait()
            await asyncio.sleep(TICK_SECONDS)
            try:
                await self._tick(self._loop.time())
                await self._store_marks()
            except StoreUnreadable:
                # Whoever reserves finds out by itself.
                continue
            except Exception:
                logger.exception("looking after budgets failed")

    async def _tick(self, now: float) -> None:
        if self.teller.unknown is not None:
            await self.teller.ask(self.teller.settle)
        purses = tuple(self._purses.values())
        if not purses:
            return
        await self.certainty.follow(purses)
        await self._look(purses, now)
        if not self.teller.failing:
            self._give_back(purse for purse in purses if now - purse.used_at >= IDLE_SECONDS or purse.near_cap)
        for purse in purses:
            if not purse.held and not purse.free and now - purse.used_at >= FORGET_SECONDS:
                self._forget(purse)

    async def _look(self, purses: Iterable[Purse], now: float) -> None:
        held = [purse for purse in purses if purse.held or purse.free]
        often = any(purse.free for purse in held)
        if not held or now - self._looked_at < (_OFTEN if often else LOOK_SECONDS):
            return
        self._looked_at = now
        bell = self.bell.value()
        ids = [purse.id for purse in held]
        if now - self._beat_at >= BEAT_SECONDS:
            looked = await self.teller.ask(lambda: bank.beat(self.worker))
            self._beat_at = now
        else:
            looked = await self.teller.ask(lambda: bank.look(ids))
        self._see(looked, bell)
        if any(facts.wanted for facts in looked.facts.values()):
            self.return_spare()

    def _forget(self, purse: Purse) -> None:
        self._purses.pop(purse.id, None)
        key = purse.budget.id, purse.budget.subject
        if self.current.get(key) is purse:
            del self.current[key]

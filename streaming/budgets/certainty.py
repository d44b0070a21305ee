"""Whether the journal knows of all that may be spent of a worker's blocks: stored for when the worker dies."""

from __future__ import annotations

from collections.abc import Iterable

from streaming.budgets.contract import Journaled
from streaming.budgets.purse import Purse
from streaming.budgets.teller import Teller
from usage.budgets import bank


class Certainty:
    """Of all purses of a worker. Its methods raise StoreUnreadable."""

    def __init__(self, worker: str, journal: Journaled, teller: Teller) -> None:
        self._worker = worker
        self._journal = journal
        self._teller = teller
        self._disappeared_at = journal.disappeared_at
        self._is_moved = False

    async def follow(self, purses: Iterable[Purse]) -> None:
        """Stores what has become of the journal."""
        if self._journal.disappeared_at != self._disappeared_at:
            await self.set_uncertain(purses)
            # For good: the new folder has another name than the blocks.
            self._disappeared_at = self._journal.disappeared_at
            self._is_moved = True
        elif not self._is_moved and self._journal.failing is None and not self._journal.lacks:
            await self._set_certain(purses)

    async def set_uncertain(self, purses: Iterable[Purse]) -> None:
        """Notes that the journal lacks something of these."""
        certain = [purse for purse in purses if not purse.uncertain]
        if certain:
            await self._store(certain, uncertain=True)
            for purse in certain:
                purse.uncertain = True

    async def _set_certain(self, purses: Iterable[Purse]) -> None:
        if uncertain := [purse for purse in purses if purse.uncertain]:
            # Before the database knows: a request that the journal lacks meanwhile says so again, and after this.
            for purse in uncertain:
                purse.uncertain = False
            try:
                await self._store(uncertain, uncertain=False)
            except BaseException:
                for purse in uncertain:
                    purse.uncertain = True
                raise

    async def _store(self, purses: Iterable[Purse], *, uncertain: bool) -> None:
        ids = [purse.id for purse in purses]
        await self._teller.ask(lambda: bank.set_uncertain(self._worker, ids, uncertain=uncertain))

"""What fits into an allowance: the arithmetic of rates, quotas and slots, and what a store of them does.

A cell is what one limit has counted for one of those whom it binds.
"""

from __future__ import annotations

import enum
import hashlib
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import msgspec

KEEP_SECONDS = 5.0
"""How often a serving process calls `Store.keep`."""
LEASE_SECONDS = 20.0
"""Slots of a worker that has not called `keep` for so long are free again, where workers cannot see each other die."""
SLOT_WAIT_SECONDS = 1.0
"""The wait that is named to whom finds no slot free: nobody knows when a request ends."""
ROUNDING = 1e-6
"""Units. An excess below it comes from the arithmetic and is none."""


class Kind(enum.IntEnum):
    """RATE: a bucket that refills continuously, `most` units every `span` seconds; full, it allows `most` at once.
    QUOTA: counts up to `most` until the instant `span`, in POSIX seconds; a later instant starts again at 0.
    SLOTS: `most` at the same time, each released by whom it was charged to, or with that worker's death.
    """

    RATE = 1
    QUOTA = 2
    SLOTS = 3


# An attribute of an enumeration costs 2,000 instructions in Python 3.11.
_RATE, _QUOTA = Kind.RATE, Kind.QUOTA


class Charge(msgspec.Struct, frozen=True, gc=False):
    """Units for one cell. In one call each cell occurs once. Floats are compared more quickly than whole numbers."""

    cell: bytes
    """As `cell_of` makes it."""
    kind: Kind
    most: float
    span: float
    units: float


Cell = tuple[float, float, float]
"""The amount; the moment to which it belongs: of a rate the last change, of a quota its end; and the instant from which
the cell means nothing, infinite for slots that are held."""
EMPTY: Cell = (0.0, 0.0, 0.0)


class Exceeded(NamedTuple):
    """The number of the first charge that does not fit, and the seconds until it may: infinite for more than `most`."""

    number: int
    retry_after: float


class StoreUnreadable(Exception):
    """The store did not answer in its time, so that nobody knows what was counted."""


class Store(Protocol):
    """Counts what was charged. Each method but `close` raises StoreUnreadable."""

    async def charge(self, charges: Sequence[Charge]) -> Exceeded | None:
        """Takes all charges and returns None, or takes none of them and returns the first that does not fit."""

    async def correct(self, charges: Sequence[Charge]) -> None:
        """Adds signed units, whether they fit or not; a cell does not go below 0.

        For RATE and QUOTA alone. A quota that has started again since is left as it is.
        """

    async def used(self, charges: Sequence[Charge]) -> list[float]:
        """Returns how many units of each cell are used; the charges' own units are not looked at."""

    async def release(self, slots: Sequence[Charge]) -> None:
        """Gives slots back. Those that cannot be given back now are with the next `keep`."""

    async def keep(self) -> None:
        """Renews this worker's leases and forgets cells that mean nothing any more. To be called before
        the first request, as it makes the store ready, and every KEEP_SECONDS."""

    async def close(self) -> None:
        """Gives all slots of this worker back and ends; raises nothing."""


def cell_of(name: str) -> bytes:
    """Returns the cell of a readable name: the same in every process and on every host."""
    return hashlib.blake2b(name.encode(), digest_size=16).digest()


Read = Callable[[bytes, Cell], Cell]
"""Returns a cell, or the second argument for one that was never charged: as `get` of a dict does."""


def charged(charges: Sequence[Charge], read: Read, now: float, refuse: bool = True) -> dict[bytes, Cell] | Exceeded:
    """Returns the cells as they are at `now` after all charges, or the first charge that does not fit.

    Where nothing is to `refuse`, charges may exceed what is allowed, and those of a quota that has started again since
    are left out. One loop does all: a call for each charge would cost as much as its arithmetic.
    """
    changed: dict[bytes, Cell] = {}
    for charge in charges:
        name, kind, most = charge.cell, charge.kind, charge.most
        amount, moment, _ = read(name, EMPTY)
        if kind is _RATE:
            pace = charge.span / most
            # The distance: after a clock was set back, a moment that is far ahead must not stop the refill until then.
            amount -= (now - moment if now > moment else moment - now) / pace
            amount = amount + charge.units if amount > 0.0 else charge.units
            changed[name] = (amount, now, now + amount * pace) if amount > 0.0 else (0.0, now, now)
        elif kind is _QUOTA:
            span = charge.span
            if span > moment:
                amount, moment = charge.units, span
            elif refuse or span == moment:
                amount += charge.units
            else:
                continue
            # A quota of which nothing is left still knows its instant: what is corrected later may be of one before.
            changed[name] = (amount if amount > 0.0 else 0.0, moment, moment)
        else:
            amount += charge.units
            changed[name] = (amount, 0.0, math.inf)
        if amount > most and refuse and amount - most > ROUNDING:
            return Exceeded(len(changed) - 1, _wait(charge, amount - most, now))
    return changed


def corrected(charges: Sequence[Charge], read: Read, now: float) -> dict[bytes, Cell]:
    """Returns the cells as they are at `now` after corrections by the charges' signed units, beyond `most` too. A quota
    that has started again since is left out."""
    changed = charged(charges, read, now, False)
    return changed if type(changed) is dict else {}


def used(charges: Sequence[Charge], read: Read, now: float) -> list[float]:
    """Returns what of each cell is used at `now`, whatever the charges' own units."""
    nothing = [Charge(charge.cell, charge.kind, charge.most, charge.span, 0.0) for charge in charges]
    found = corrected(nothing, read, now)
    return [(found.get(charge.cell) or read(charge.cell, EMPTY))[0] for charge in charges]


def released(slots: Sequence[Charge], read: Read) -> dict[bytes, Cell]:
    """Returns the cells without these slots."""
    changed = {}
    for slot in slots:
        amount = read(slot.cell, EMPTY)[0] - slot.units
        changed[slot.cell] = (amount, 0.0, math.inf) if amount > 0.0 else EMPTY
    return changed


def _wait(charge: Charge, over: float, now: float) -> float:
    if charge.units > charge.most:
        return math.inf
    if charge.kind is _RATE:
        return over * charge.span / charge.most
    if charge.kind is _QUOTA:
        # A host whose clock is behind charges a quota that is over for others.
        return max(charge.span - now, ROUNDING)
    return SLOT_WAIT_SECONDS

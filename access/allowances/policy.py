"""What fits into an allowance: the arithmetic of rates, quotas and slots, and what a store of them does.

A cell is what one limit has counted for one of those whom it binds.
"""

from __future__ import annotations

import enum
import hashlib
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

KEEP_SECONDS = 5.0
"""How often a serving process calls `Store.keep`."""
LEASE_SECONDS = 20.0
"""Slots of a worker that has not called `keep` for so long are free again, where workers cannot see each other die."""
SLOT_WAIT_SECONDS = 1.0
"""The wait that is named to whom finds no slot free: nobody knows when a request ends."""
ROUNDING = 1e-6
"""Units. An excess below it comes from the arithmetic and is none."""


class Kind(enum.IntEnum):
    """RATE: a bucket that refills continuously, one unit every `span` seconds; full, it allows `most` at once.
    QUOTA: counts up to `most` until the instant `span`, in POSIX seconds; a later instant starts again at 0.
    SLOTS: `most` at the same time, each released by whom it was charged to, or with that worker's death.
    """

    RATE = 1
    QUOTA = 2
    SLOTS = 3


# An attribute of an enumeration costs 2,000 instructions in Python 3.11.
_RATE, _QUOTA = Kind.RATE, Kind.QUOTA
_NEVER = math.inf


Charge = tuple[bytes, Kind, float, float, float]
"""Units for one cell: the cell as `cell_of` makes it, its kind, `most`, `span` and the units. In one call each cell
occurs once. A plain tuple, which the hot path makes and takes apart for less than a class of its own; floats are
compared more quickly than whole numbers."""

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


def charged(
    charges: Sequence[Charge], read: Read, now: float, into: dict[bytes, Cell] | None = None
) -> dict[bytes, Cell] | Exceeded:
    """Returns the cells as they are at `now` after all charges, or the first charge that does not fit.

    With `into`, which takes the cells, nothing is refused: charges may exceed what is allowed, and those of
    a quota that has started again since are left out. One loop does all: a call for each charge would cost as much as
    its arithmetic.
    """
    refuse = into is None
    changed: dict[bytes, Cell] = {} if into is None else into
    for name, kind, most, span, units in charges:
        amount, moment, meant_until = read(name, EMPTY)
        if kind is _RATE:
            if meant_until > now:
                # The distance: after a clock was set back, a moment far ahead must not stop the refill until then.
                amount -= (now - moment if now > moment else moment - now) / span
                amount = amount + units if amount > 0.0 else units
            else:
                # Also where `span` is another one now: a store may have forgotten such a cell, or not yet.
                amount = units
            changed[name] = (amount, now, now + amount * span) if amount > 0.0 else (0.0, now, now)
        elif kind is _QUOTA:
            if span > moment:
                amount, moment = units, span
            elif refuse or span == moment:
                amount += units
            else:
                continue
            # A quota of which nothing is left still knows its instant: what is corrected later may be of one before.
            changed[name] = (amount if amount > 0.0 else 0.0, moment, moment)
        else:
            amount += units
            changed[name] = (amount, 0.0, _NEVER) if amount > 0.0 else EMPTY
        if amount > most and refuse and amount - most > ROUNDING:
            return Exceeded(len(changed) - 1, _wait(kind, most, span, units, amount - most, now))
    return changed


def corrected(charges: Sequence[Charge], read: Read, now: float) -> dict[bytes, Cell]:
    """Returns the cells as they are at `now` after corrections by the charges' signed units, beyond `most` too. A quota
    that has started again since is left out."""
    changed: dict[bytes, Cell] = {}
    charged(charges, read, now, changed)
    return changed


def used(charges: Sequence[Charge], read: Read, now: float) -> list[float]:
    """Returns what of each cell is used at `now`, whatever the charges' own units."""
    nothing = [(name, kind, most, span, 0.0) for name, kind, most, span, _ in charges]
    found = corrected(nothing, read, now)
    return [(found.get(name) or read(name, EMPTY))[0] for name, *_ in charges]


def released(slots: Sequence[Charge], read: Read) -> dict[bytes, Cell]:
    """Returns the cells without these slots."""
    return corrected(returned(slots), read, 0.0)


def returned(slots: Sequence[Charge]) -> list[Charge]:
    """Returns the charges that give slots back."""
    return [(name, kind, most, span, -units) for name, kind, most, span, units in slots]


def _wait(kind: Kind, most: float, span: float, units: float, over: float, now: float) -> float:
    if units > most:
        return math.inf
    if kind is _RATE:
        return over * span
    if kind is _QUOTA:
        # A host whose clock is behind charges a quota that is over for others.
        return max(span - now, ROUNDING)
    return SLOT_WAIT_SECONDS

"""The circuit breaker of one thing that can fail: closed, open, half-open with one probe at a time, or paused.

Knows no clock: every question brings its `now`, seconds of a monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec

LONGEST = 300.0
"""Seconds that a circuit stays open at most, however often its probes fail; longer only where it began longer."""
PROBING = 1.0
"""What those are told to wait who come while a probe is out: nobody knows how long it takes."""
_SLOT = 5.0
_SLOTS = 6
_ENOUGH = 10


class State(StrEnum):
    """`paused` ends by itself; `open` ends with a probe, which is what `half_open` waits for."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    PAUSED = "paused"


class Rules(msgspec.Struct, frozen=True):
    """When a circuit opens, and for how long. Where nothing is gated, failures are counted all the same."""

    gates: bool = True
    failures: int = 5
    open_seconds: float = 30.0


class Circuit:
    """One breaker. `changed` is called after every change that others must know of."""

    __slots__ = (
        "_changed",
        "_recent",
        "cause",
        "failures",
        "key",
        "openings",
        "probing",
        "rules",
        "seconds",
        "since",
        "state",
        "until",
    )

    def __init__(self, key: str, rules: Rules, changed: Callable[[Circuit], None]) -> None:
        self.key = key
        self.rules = rules
        self.state = State.CLOSED
        self.since = 0.0
        self.until = 0.0
        self.seconds = 0.0
        """How long it was opened or paused for, the last time."""
        self.failures = 0
        """One after the other, up to now."""
        self.openings = 0
        """How often it opened since the last success."""
        self.cause = ""
        self.probing = False
        self._recent = _nothing()
        self._changed = changed

    def wait(self, now: float) -> float | None:
        """Seconds until an attempt may be made, None when it may be now."""
        if self.state is State.CLOSED:
            return None
        if now < self.until:
            return self.until - now
        return PROBING if self.probing else None

    @property
    def is_closed(self) -> bool:
        """Whether everybody may pass."""
        return self.state is State.CLOSED

    def enter(self, now: float) -> bool:
        """An attempt begins where `wait` has just said None; True when it is the probe."""
        if self.state is State.CLOSED or self.state is State.PAUSED:
            return False
        self.probing = True
        self._become(State.HALF_OPEN, now)
        return True

    def leave(self) -> None:
        """The probe ended without saying anything of the circuit: the next attempt is the probe."""
        self.probing = False
        self._changed(self)

    def succeeded(self, now: float, *, probe: bool = False) -> None:
        """An attempt went well. One that began before the circuit opened says nothing of it."""
        self._slot(now)[1] += 1
        if self.state is State.CLOSED:
            self.failures = self.openings = 0
        elif probe or (self.state is State.PAUSED and now >= self.until):
            self.failures = self.openings = 0
            self._close(now)

    def answered(self, now: float) -> None:
        """The probe has an answer, though not all of it: others may pass, and the next failure opens at once."""
        self.failures = self.rules.failures - 1
        self._close(now)

    def failed(self, now: float, cause: str, *, probe: bool = False, least: float = 0.0) -> None:
        """An attempt went wrong. Opens when that happens too often, for `least` seconds or more."""
        self._slot(now)[2] += 1
        self.failures += 1
        self.cause = cause
        if probe or (self._shuts() and (self.failures >= self.rules.failures or self._half_failed(now))):
            self.open(now, cause, max(self.rules.open_seconds, least), probe=probe)

    def open(self, now: float, cause: str, seconds: float, *, probe: bool = False) -> None:
        """Open for so long, longer after each probe that failed."""
        self.cause = cause
        if not self.rules.gates or not (probe or self._shuts()):
            return
        self.openings += 1
        self.seconds = min(seconds * 2 ** min(self.openings - 1, 10), max(seconds, LONGEST))
        self.until = now + self.seconds
        self.probing = False
        self._become(State.OPEN, now)

    def pause(self, now: float, cause: str, seconds: float | None, first: float, *, probe: bool = False) -> None:
        """Let nobody pass for `seconds`; without a number for `first` seconds, doubling each time."""
        self.cause = cause
        if not self.rules.gates or not (probe or self._shuts()):
            return
        if self.state is State.PAUSED and now < self.until:
            # Answers to what was under way already: they are no further time.
            if seconds is None or now + seconds <= self.until:
                return
        else:
            self.openings += 1
        self.seconds = min(first * 2 ** min(self.openings - 1, 10), LONGEST) if seconds is None else seconds
        self.until = now + self.seconds
        self.probing = False
        self._become(State.PAUSED, now)

    def adopt(
        self, state: State, *, since: float, until: float, seconds: float, failures: int, openings: int, cause: str
    ) -> None:
        """Take over what another process found out. Whoever is probing here decides nothing any more."""
        self.state, self.since, self.until, self.seconds = state, since, until, seconds
        self.failures, self.openings, self.cause = failures, openings, cause
        self.probing = False
        if state is State.CLOSED:
            self._recent = _nothing()

    def reset(self, now: float) -> None:
        """As if nothing had ever happened."""
        self.failures = self.openings = 0
        self.cause = ""
        self._recent = _nothing()
        if self.state is not State.CLOSED:
            self._close(now)

    def _shuts(self) -> bool:
        """Whether a failure still says something: not of attempts that began before the circuit opened."""
        return self.state is State.CLOSED or self.state is State.PAUSED

    def _close(self, now: float) -> None:
        self.probing = False
        self.until = now
        self._recent = _nothing()
        self._become(State.CLOSED, now)

    def _become(self, state: State, now: float) -> None:
        if state is not self.state:
            self.since = now
        self.state = state
        self._changed(self)

    def _slot(self, now: float) -> list[int]:
        epoch = int(now / _SLOT)
        slot = self._recent[epoch % _SLOTS]
        if slot[0] != epoch:
            slot[0], slot[1], slot[2] = epoch, 0, 0
        return slot

    def _half_failed(self, now: float) -> bool:
        """Whether at least half of at least ten attempts of the last 30 seconds failed."""
        oldest = int(now / _SLOT) - _SLOTS
        well = sum(slot[1] for slot in self._recent if slot[0] > oldest)
        badly = sum(slot[2] for slot in self._recent if slot[0] > oldest)
        return badly + well >= _ENOUGH and badly >= well


def _nothing() -> list[list[int]]:
    """Per slot of the window: which one it is, how many went well, how many failed."""
    return [[-1, 0, 0] for _ in range(_SLOTS)]

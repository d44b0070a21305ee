"""The circuit breaker of one provider, candidate or credential: closed, open, half-open with one probe, or paused.

Holds no clock: callers pass `now`, seconds of a monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec

MAX_OPEN_SECONDS = 300.0
"""How long a circuit stays open at most, however often its probes fail; longer only where it began longer."""
PROBE_WAIT = 1.0
"""Seconds that callers are asked to wait while a probe is out: its duration is unknown."""
_SLOT_SECONDS = 5.0
_SLOTS = 6
_MIN_ATTEMPTS = 10


class State(StrEnum):
    """`paused` ends by itself; `open` ends with a probe, which is what `half_open` waits for."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    PAUSED = "paused"


class CircuitSettings(msgspec.Struct, frozen=True):
    """When a circuit opens, and for how long. When not `enabled`, failures are counted but nothing is rejected."""

    enabled: bool = True
    failures: int = 5
    open_seconds: float = 30.0


class Circuit:
    """One circuit breaker. `on_change` is called after every change that other workers must know of."""

    __slots__ = (
        "_on_change",
        "_recent",
        "cause",
        "failures",
        "key",
        "openings",
        "probing",
        "seconds",
        "settings",
        "since",
        "state",
        "until",
    )

    def __init__(self, key: str, settings: CircuitSettings, on_change: Callable[[Circuit], None]) -> None:
        self.key = key
        self.settings = settings
        self.state = State.CLOSED
        self.since = 0.0
        self.until = 0.0
        self.seconds = 0.0
        """How long it was opened or paused for, the last time."""
        self.failures = 0
        """Consecutive failures up to now."""
        self.openings = 0
        """How often it opened since the last success."""
        self.cause = ""
        self.probing = False
        self._recent = _empty_window()
        self._on_change = on_change

    def wait(self, now: float) -> float | None:
        """Returns the seconds until an attempt may be made, None when it may be made now."""
        if self.state is State.CLOSED:
            return None
        if now < self.until:
            return self.until - now
        return PROBE_WAIT if self.probing else None

    @property
    def is_closed(self) -> bool:
        """Whether all attempts may pass."""
        return self.state is State.CLOSED

    def enter(self, now: float) -> bool:
        """Admits an attempt after `wait` returned None; True when that attempt is the probe."""
        if self.state is State.CLOSED or self.state is State.PAUSED:
            return False
        self.probing = True
        self._set_state(State.HALF_OPEN, now)
        return True

    def abandon_probe(self) -> None:
        """Ends the probe without a result: the next attempt is the probe."""
        self.probing = False
        self._on_change(self)

    def record_success(self, now: float, *, probe: bool = False) -> None:
        """Counts a success. An attempt that began before the circuit opened does not close it."""
        self._slot(now)[1] += 1
        if self.state is State.CLOSED:
            self.failures = self.openings = 0
        elif probe or (self.state is State.PAUSED and now >= self.until):
            self.failures = self.openings = 0
            self._close(now)

    def probe_answered(self, now: float) -> None:
        """Closes at the first byte of the probe's answer; the next failure opens at once."""
        self.failures = self.settings.failures - 1
        self._close(now)

    def record_failure(self, now: float, cause: str, *, probe: bool = False, least: float = 0.0) -> None:
        """Counts a failure. Opens for `least` seconds or more when there are too many."""
        self._slot(now)[2] += 1
        self.failures += 1
        self.cause = cause
        if probe or (
            self._counts_failures() and (self.failures >= self.settings.failures or self._half_of_recent_failed(now))
        ):
            self.open(now, cause, max(self.settings.open_seconds, least), probe=probe)

    def open(self, now: float, cause: str, seconds: float, *, probe: bool = False) -> None:
        """Opens for `seconds`, doubled with each probe that failed."""
        self.cause = cause
        if not self.settings.enabled or not (probe or self._counts_failures()):
            return
        self.openings += 1
        self.seconds = min(seconds * 2 ** min(self.openings - 1, 10), max(seconds, MAX_OPEN_SECONDS))
        self.until = now + self.seconds
        self.probing = False
        self._set_state(State.OPEN, now)

    def pause(self, now: float, cause: str, seconds: float | None, first: float, *, probe: bool = False) -> None:
        """Rejects every attempt for `seconds`; without a number for `first` seconds, doubling each time."""
        self.cause = cause
        if not self.settings.enabled or not (probe or self._counts_failures()):
            return
        if self.state is State.PAUSED and now < self.until:
            # An answer to an attempt that was under way when the pause began does not lengthen it.
            if seconds is None or now + seconds <= self.until:
                return
        else:
            self.openings += 1
        self.seconds = min(first * 2 ** min(self.openings - 1, 10), MAX_OPEN_SECONDS) if seconds is None else seconds
        self.until = now + self.seconds
        self.probing = False
        self._set_state(State.PAUSED, now)

    def adopt(
        self, state: State, *, since: float, until: float, seconds: float, failures: int, openings: int, cause: str
    ) -> None:
        """Takes over the state that another process reported. A probe of this process no longer decides anything."""
        self.state, self.since, self.until, self.seconds = state, since, until, seconds
        self.failures, self.openings, self.cause = failures, openings, cause
        self.probing = False
        if state is State.CLOSED:
            self._recent = _empty_window()

    def reset(self, now: float) -> None:
        """Forgets all failures and closes."""
        self.failures = self.openings = 0
        self.cause = ""
        self._recent = _empty_window()
        if self.state is not State.CLOSED:
            self._close(now)

    def _counts_failures(self) -> bool:
        """Whether a failure counts: those of attempts that began before the circuit opened do not."""
        return self.state is State.CLOSED or self.state is State.PAUSED

    def _close(self, now: float) -> None:
        self.probing = False
        self.until = now
        self._recent = _empty_window()
        self._set_state(State.CLOSED, now)

    def _set_state(self, state: State, now: float) -> None:
        if state is not self.state:
            self.since = now
        self.state = state
        self._on_change(self)

    def _slot(self, now: float) -> list[int]:
        epoch = int(now / _SLOT_SECONDS)
        slot = self._recent[epoch % _SLOTS]
        if slot[0] != epoch:
            slot[0], slot[1], slot[2] = epoch, 0, 0
        return slot

    def _half_of_recent_failed(self, now: float) -> bool:
        """Whether at least half of at least ten attempts of the last 30 seconds failed."""
        oldest = int(now / _SLOT_SECONDS) - _SLOTS
        succeeded = sum(slot[1] for slot in self._recent if slot[0] > oldest)
        failed = sum(slot[2] for slot in self._recent if slot[0] > oldest)
        return failed + succeeded >= _MIN_ATTEMPTS and failed >= succeeded


def _empty_window() -> list[list[int]]:
    """Per slot of the window: its epoch, the successes and the failures."""
    return [[-1, 0, 0] for _ in range(_SLOTS)]


# --- keys: what a circuit is called in this process and in the table that the workers share --------------------------


def provider_key(provider: int) -> str:
    """The connection to a provider."""
    return f"provider:{provider}"


def candidate_key(provider: int, model: int) -> str:
    """One model at one provider."""
    return f"candidate:{provider}:{model}"


def credential_key(credential: int) -> str:
    """A credential, for every model."""
    return f"credential:{credential}"


def pair_key(credential: int, model: int) -> str:
    """One model with one credential."""
    return f"pair:{credential}:{model}"


def parse_key(key: str) -> tuple[str, tuple[int, ...]]:
    """Returns the kind and the numbers of a key. Raises ValueError for an invalid one."""
    kind, *numbers = key.split(":")
    return kind, tuple(map(int, numbers))

"""The circuit breaker of one provider, candidate or credential: closed, open, half-open with one probe, or paused.

It is open for everybody, or only for those client keys whose requests fail. Holds no clock: callers pass `now`,
seconds of a monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable

from routing.health.callers import EVERYBODY, KEYS_WINDOW, NOBODY, Caller, Failures, Only, concerns, joined
from routing.health.keys import candidate_key as candidate_key
from routing.health.keys import credential_key as credential_key
from routing.health.keys import pair_key as pair_key
from routing.health.keys import parse_key as parse_key
from routing.health.keys import provider_key as provider_key
from routing.health.settings import CircuitSettings as CircuitSettings
from routing.health.settings import State as State
from routing.health.window import Window

MAX_OPEN_SECONDS = 300.0
"""How long a circuit stays open at most, however often its probes fail; longer only where it began longer."""
PROBE_WAIT = 1.0
"""Seconds that callers are asked to wait while a probe is out: its duration is unknown."""


_CLOSED, _OPEN, _PAUSED = State.CLOSED, State.OPEN, State.PAUSED
"""In Python 3.11 a member costs twelve times as much by way of its class."""


class Circuit:
    """One circuit breaker. `on_change` is called after every change that other workers must know of; `not_closed` are
    the circuits of its process that are not closed, and it is one of them while it is not."""

    __slots__ = (
        "_failed", "_not_closed", "_on_change", "_recent", "_trial", "_works", "cause", "failures", "is_closed", "key",
        "only", "openings", "probed_by", "probing", "seconds", "settings", "since", "state", "until",
    )  # fmt: skip

    def __init__(
        self, key: str, settings: CircuitSettings, on_change: Callable[[Circuit], None], not_closed: set[Circuit]
    ) -> None:
        self.key = key
        self.settings = settings
        self.state = _CLOSED
        self.is_closed = True
        """Whether all attempts may pass. A flag, since each attempt asks every circuit several times."""
        self.since = 0.0
        self.until = 0.0
        self.seconds = 0.0
        """How long it was opened or paused for, the last time."""
        self.failures = 0
        """Consecutive failures up to now."""
        self.openings = 0
        """How often it opened since the last success."""
        self.cause = ""
        self.only = EVERYBODY
        """For whom it is open."""
        self.probed_by = 0
        """The client key whose probe failed; another key may probe at once: that failure may be its own."""
        self.probing = False
        self._recent = Window()
        self._failed: Failures | None = None
        self._trial: Only | None = None
        """For whom the next failure opens it at once, because only the first byte of a probe's answer has come."""
        self._works = False
        """Whether others succeeded while it was open for some."""
        self._on_change = on_change
        self._not_closed = not_closed

    def wait(self, now: float, caller: Caller = NOBODY) -> float | None:
        """Returns the seconds until an attempt may be made, None when it may be made now."""
        if self.is_closed or (self.only and not concerns(self.only, caller)):
            return None
        if now < self.until and not (self.probed_by and caller.key not in (0, self.probed_by)):
            return self.until - now
        return PROBE_WAIT if self.probing else None

    def enter(self, now: float, caller: Caller = NOBODY) -> bool:
        """Admits an attempt after `wait` returned None; True when that attempt is the probe."""
        if self.state is _CLOSED or self.state is _PAUSED or not concerns(self.only, caller):
            return False
        self.probing = True
        self._set_state(State.HALF_OPEN, now)
        return True

    def abandon_probe(self) -> None:
        """Ends the probe without a result: the next attempt is the probe."""
        self.probing = False
        self._on_change(self)

    def record_success(self, now: float, caller: Caller = NOBODY, probe: bool = False) -> None:
        """Counts a success. An attempt that began before the circuit opened does not close it."""
        recent = self._recent  # Hot: three times a request.
        (recent.current if now < recent.until else recent.slot(now))[1] += 1
        if self._failed is not None:
            self._failed.succeeded(caller)
        if self.is_closed:
            self.failures = self.openings = 0
            if self._trial is not None and concerns(self._trial, caller):
                self._trial = None
        elif not concerns(self.only, caller):
            self._works = True
            if now >= self.until + MAX_OPEN_SECONDS:
                # Those that it was open for have not come back.
                self.reset(now)
        elif probe or (self.state is _PAUSED and now >= self.until):
            self.failures = self.openings = 0
            self._close(now)

    def probe_answered(self, now: float) -> None:
        """Closes at the first byte of the probe's answer; the next failure opens at once."""
        self.failures = self.settings.failures - 1
        only = self.only
        self._close(now)
        self._trial = only

    def record_failure(
        self, now: float, cause: str, *, probe: bool = False, least: float = 0.0, caller: Caller = NOBODY
    ) -> None:
        """Counts a failure. Opens for `least` seconds or more when there are too many."""
        self._recent.slot(now)[2] += 1
        half, seconds = self._recent.half_failed(now), max(self.settings.open_seconds, least)
        self._count(now, cause, caller, self.settings.failures, seconds, half=half, probe=probe)

    def record_forbidden(
        self, now: float, cause: str, limit: int, seconds: float, *, probe: bool = False, caller: Caller = NOBODY
    ) -> None:
        """Counts a refusal that may be about one prompt; opens for `seconds` after `limit` of them in a row."""
        self._count(now, cause, caller, limit, seconds, half=False, probe=probe)

    def open(
        self,
        now: float,
        cause: str,
        seconds: float,
        *,
        probe: bool = False,
        caller: Caller = NOBODY,
        only: Only = EVERYBODY,
    ) -> None:
        """Opens for `seconds`, doubled with each probe that failed; for `only` those, besides whom it is open for."""
        self.cause = cause
        if not self.settings.enabled or not (probe or self._counts_failures(caller)):
            return
        if not probe and (self.state is _OPEN or self.state is State.HALF_OPEN):
            only, self.openings, self.probed_by = self._joined(now, only), 0, 0
        self.openings += 1
        self.seconds = min(seconds * 2 ** min(self.openings - 1, 10), max(seconds, MAX_OPEN_SECONDS))
        self.until = now + self.seconds
        self.probing = self._works = False
        self.only, self._trial = only, None
        if only and self._failed is not None:
            # From now on the others are judged by what they do themselves.
            self._recent = Window()
            self._failed.set_aside(caller)
        self._set_state(_OPEN, now)

    def pause(
        self,
        now: float,
        cause: str,
        seconds: float | None,
        first: float,
        *,
        probe: bool = False,
        caller: Caller = NOBODY,
    ) -> None:
        """Rejects every attempt for `seconds`; without a number for `first` seconds, doubling each time."""
        self.cause = cause
        if not self.settings.enabled or not (probe or self._counts_failures(caller)):
            return
        if self.state is _PAUSED and now < self.until:
            # An answer to an attempt that was under way when the pause began does not lengthen it.
            if seconds is None or now + seconds <= self.until:
                return
        else:
            self.openings += 1
        self.seconds = min(first * 2 ** min(self.openings - 1, 10), MAX_OPEN_SECONDS) if seconds is None else seconds
        self.until = now + self.seconds
        self.probing = False
        self.only, self.probed_by = EVERYBODY, 0
        self._set_state(_PAUSED, now)

    def adopt(
        self,
        state: State,
        *,
        since: float,
        until: float,
        seconds: float,
        failures: int,
        openings: int,
        cause: str,
        only: Only = EVERYBODY,
        probed_by: int = 0,
    ) -> None:
        """Takes over the state that another process reported. A probe of this process no longer decides anything."""
        self.since, self.until, self.seconds = since, until, seconds
        self._note_state(state)
        self.failures, self.openings, self.cause = failures, openings, cause
        self.only, self.probed_by = only, probed_by
        self.probing = self._works = False
        self._trial = None
        if state is _CLOSED:
            self._forget()

    def reset(self, now: float) -> None:
        """Forgets all failures and closes."""
        self.failures = self.openings = 0
        self.cause = ""
        self._forget()
        if self.state is not _CLOSED:
            self._close(now)

    def _counts_failures(self, caller: Caller) -> bool:
        """Whether a failure counts: those of attempts that began before the circuit opened do not."""
        return self.state is _CLOSED or self.state is _PAUSED or not concerns(self.only, caller)

    def _count(
        self, now: float, cause: str, caller: Caller, limit: int, seconds: float, *, half: bool, probe: bool
    ) -> None:
        self.failures += 1
        self.cause = cause
        only = self._whom(now, caller, limit, half=half, probe=probe)
        if only is not None:
            if probe and not only and caller.key:
                self._note_failed_probe(caller.key)
            self.open(now, cause, seconds, probe=probe, caller=caller, only=only)

    def _whom(self, now: float, caller: Caller, limit: int, *, half: bool, probe: bool) -> Only | None:
        """For whom a failure of this caller opens it; None for nobody."""
        if not caller.key:
            return EVERYBODY if probe or half or self.failures >= limit else None
        if self._failed is None:
            self._failed = Failures()
        failed = self._failed
        failed.add(caller, now)
        if probe:
            return tuple(pair for pair in self.only if concerns((pair,), caller))
        if self._trial is not None and concerns(self._trial, caller):
            limit = 1
            if self._trial:
                return tuple(pair for pair in self._trial if concerns((pair,), caller))
        if failed.of_several(now, limit) or (half and failed.of_another(caller, now)):
            return EVERYBODY
        pair = failed.of_key(caller, now, limit, half=half)
        return None if pair is None else (pair,)

    def _note_failed_probe(self, key: int) -> None:
        """Lets another key probe at once: the failure may be this one's own, and must not keep it shut for the rest."""
        if self.probed_by in (0, key):
            self.probed_by = key
        else:
            # Two keys' probes failed, which is one failed probe of the provider.
            self.probed_by = 0
            self.openings -= 1

    def _joined(self, now: float, only: Only) -> Only:
        if not only or not self.only:
            return EVERYBODY
        return joined(self.only, only[0], others_succeed=self._works or now - self.since > KEYS_WINDOW)

    def _close(self, now: float) -> None:
        self.probing = False
        self.until = now
        self.only, self.probed_by = EVERYBODY, 0
        self._forget()
        self._set_state(_CLOSED, now)

    def _forget(self) -> None:
        self._recent = Window()
        self._failed = self._trial = None

    def _set_state(self, state: State, now: float) -> None:
        if state is not self.state:
            self.since = now
        self._note_state(state)
        self._on_change(self)

    def _note_state(self, state: State) -> None:
        self.state, self.is_closed = state, state is _CLOSED
        (self._not_closed.discard if self.is_closed else self._not_closed.add)(self)

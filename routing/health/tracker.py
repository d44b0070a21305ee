"""One attempt as health sees it: may it connect, how far it came, how it ended. Every trial is ended, once."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from providers.config import CredentialConfig
from providers.errors import ErrorKind, UpstreamError
from routing.health import keys
from routing.health.blame import Blame, blame
from routing.health.circuit import PROBING, Circuit
from routing.health.quota import Spent
from routing.health.state import CandidatePlace, CredentialPlace

if TYPE_CHECKING:
    from routing.health.health import Health

PATIENCE = 0.3
"""Seconds that an attempt with an alternative waits for a sign of life of a provider that many wait for."""
NOT_SENT = "not_sent"
"""The code of a failure that health itself made: nobody was asked."""
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 3600.0
_REFUSED_SECONDS = 60.0
_UNPAID_SECONDS = 600.0


class Trial:
    """Made by `Health.begin`; whoever holds it calls `ended` whatever happens."""

    __slots__ = (
        "_answered",
        "_circuits",
        "_connecting",
        "_credential",
        "_ended",
        "_health",
        "_inside",
        "_own",
        "_place",
        "_probes",
        "_sent",
        "_spent",
    )

    def __init__(self, health: Health, place: CandidatePlace, credential: CredentialConfig | None, tokens: int) -> None:
        self._health = health
        self._place = place
        self._credential = credential
        self._own: CredentialPlace | None = None
        self._spent: Spent | None = None
        self._connecting = self._answered = self._ended = False
        self._sent = True
        self._probes: list[Circuit] = []
        now = health.clock()
        place.in_flight += 1
        if credential is None:
            self._circuits: tuple[Circuit, ...] = (place.provider.circuit, place.circuit)
        else:
            self._own = own = health.of_credential(credential)
            self._spent = own.quota.begin(credential, now, tokens)
            pair = health.pair(credential, place.model)
            self._circuits = (place.provider.circuit, place.circuit, own.circuit)
            if pair is not None:
                self._circuits = (*self._circuits, pair)
        self._inside = self._enter(now)

    async def may_connect(self, only: bool) -> None:
        """Return when a connection may be made. Raises UpstreamError, retryable, when another candidate should be.

        `only`: there is no other, so it is worth waiting as long as for a connection itself.
        """
        provider = self._place.provider
        if self._inside and (provider.admits or provider.circuit in self._probes):
            provider.connecting += 1
            self._connecting = True
            return
        patience = provider.config.timeouts.connect if only else PATIENCE
        deadline = time.monotonic() + patience
        seen = provider.connected
        try:
            await self._until_inside(deadline, only=only)
            while not (provider.admits or provider.connected > seen or provider.circuit in self._probes):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise UpstreamError(
                        ErrorKind.CONNECT_TIMEOUT,
                        "The provider's address does not answer, and enough requests wait for it already.",
                        code=NOT_SENT,
                    )
                await provider.wait(left)
                wait = provider.circuit.wait(self._health.clock())
                if wait is not None:
                    raise _not_now(wait)
        except (UpstreamError, asyncio.CancelledError):
            self._sent = False
            if self._own is not None:
                self._own.quota.withdraw(self._spent)
            raise
        provider.connecting += 1
        self._connecting = True

    @property
    def connecting(self) -> bool:
        """Whether it waits for its connection."""
        return self._connecting

    def connected(self) -> None:
        """A connection stands: the provider can be reached."""
        if not self._connecting:
            return
        self._connecting = False
        provider = self._place.provider
        provider.connecting -= 1
        provider.connected += 1
        circuit = provider.circuit
        circuit.succeeded(self._health.clock(), probe=self._is_probe(circuit))
        if self._probes and circuit in self._probes:
            self._probes.remove(circuit)
        provider.ring()

    def first_byte(self, seconds: float) -> None:
        """The answer begins, so many seconds after the attempt did."""
        self._answered = True
        now = self._health.clock()
        self._place.speed.note(seconds, now)
        if self._probes:
            for circuit in self._probes:
                circuit.answered(now)
            self._probes.clear()
            self._place.provider.ring()

    def ended(self, error: UpstreamError | None, counted: bool = True, tokens: int | None = None) -> None:
        """The attempt is over. `counted`: it says something of the provider, whichever way; `tokens` it took in all.

        An attempt that the client or this gateway ended is not counted. A second call does nothing.
        """
        if self._ended:
            return
        self._ended = True
        place = self._place
        place.in_flight -= 1
        now = self._health.clock()
        if self._connecting:
            place.provider.connecting -= 1
        if self._own is not None:
            self._own.quota.end(self._spent, tokens, now)
        if counted and self._sent and self._inside:
            if error is None:
                self._succeeded(now)
            else:
                self._failed(error, now)
        if self._connecting or self._probes:
            for circuit in self._probes:
                if circuit.probing:
                    circuit.leave()
            place.provider.ring()

    def _enter(self, now: float) -> bool:
        """Whether every circuit on the way lets this attempt through; it is the probe of those that are half-open."""
        if self._lacks_credential:
            return False
        for circuit in self._circuits:
            if not circuit.is_closed and circuit.wait(now) is not None:
                return False
        for circuit in self._circuits:
            if not circuit.is_closed and circuit.enter(now):
                self._probes.append(circuit)
        return True

    async def _until_inside(self, deadline: float, *, only: bool) -> None:
        """Wait while the probe of another attempt is out, if there is nothing better to do."""
        while not self._inside:
            wait = self._longest_wait()
            left = deadline - time.monotonic()
            if not only or self._lacks_credential or wait > left:
                raise _not_now(wait)
            await self._place.provider.wait(min(wait, left))
            self._inside = self._enter(self._health.clock())

    @property
    def _lacks_credential(self) -> bool:
        return self._credential is None and bool(self._place.provider.config.credentials)

    def _is_probe(self, circuit: Circuit) -> bool:
        """Whether this attempt decides about a circuit: it is the probe, and nobody has closed it in the meantime."""
        return circuit.probing and circuit in self._probes

    def _longest_wait(self) -> float:
        now = self._health.clock()
        waits = [circuit.wait(now) for circuit in self._circuits]
        return max((wait for wait in waits if wait is not None), default=PROBING)

    def _succeeded(self, now: float) -> None:
        for circuit in self._circuits[1:]:
            circuit.succeeded(now, probe=self._is_probe(circuit))

    def _failed(self, error: UpstreamError, now: float) -> None:
        place, cause = self._place, error.kind.value
        match blame(error.kind, answered=self._answered):
            case Blame.CONNECTION:
                circuit = place.provider.circuit
                circuit.failed(now, cause, probe=self._is_probe(circuit))
            case Blame.CANDIDATE:
                least = min(error.retry_after or 0.0, _LONGEST_PAUSE)
                place.circuit.failed(now, cause, probe=self._is_probe(place.circuit), least=least)
            case Blame.QUOTA:
                circuit = self._paired()
                seconds = None if not error.retry_after else min(error.retry_after, _LONGEST_PAUSE)
                circuit.pause(now, cause, seconds, _FIRST_PAUSE, probe=self._is_probe(circuit))
            case Blame.CREDENTIAL:
                circuit = place.circuit if self._own is None else self._own.circuit
                seconds = _UNPAID_SECONDS if error.kind is ErrorKind.BILLING else _REFUSED_SECONDS
                circuit.open(now, cause, seconds, probe=self._is_probe(circuit))
            case Blame.ACCESS:
                self._forbidden(now, cause)

    def _forbidden(self, now: float, cause: str) -> None:
        """At once where another credential is left; the only one is given up after three in a row.

        A 403 may be about one prompt alone, and whoever sends it must not close the model to everybody else.
        """
        circuit = self._paired()
        probe = self._is_probe(circuit)
        circuit.failures += 1
        circuit.cause = cause
        if probe or len(self._place.provider.config.credentials) > 1 or circuit.failures >= 3:
            circuit.open(now, cause, _REFUSED_SECONDS, probe=probe)

    def _paired(self) -> Circuit:
        """The circuit of this model by this credential; where there is none, the candidate's."""
        if self._credential is None:
            return self._place.circuit
        return self._health.circuit(keys.of_pair(self._credential.id, self._place.model))


def _not_now(wait: float) -> UpstreamError:
    return UpstreamError(
        ErrorKind.OVERLOADED,
        "The provider failed lately and is not asked before it had time to recover.",
        code=NOT_SENT,
        retry_after=max(wait, 1.0),
    )

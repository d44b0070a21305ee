"""Tracks one attempt for the circuits: whether it may connect, how far it came, how it ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from providers.config import CredentialConfig
from providers.errors import ErrorKind, UpstreamError
from routing.health.callers import NOBODY, Caller
from routing.health.circuit import PROBE_WAIT, Circuit
from routing.health.keys import pair_key
from routing.health.scopes import FailureScope, scope_of
from routing.health.state import CandidateState, CredentialState, Usage

PATIENCE = 0.3
"""Seconds that an attempt with an alternative waits for a sign of life of a provider that many wait for."""
REJECTED = "not_sent"
"""The error code of an attempt that a circuit breaker rejected before anything was sent."""
_FIRST_PAUSE = 5.0
_MAX_PAUSE = 3600.0
_ACCESS_SECONDS = 60.0
_FORBIDDEN = 3
"""Refusals in a row of a sole credential that may not be about a prompt alone."""
_BILLING_SECONDS = 600.0


class CircuitRegistry(Protocol):
    """What a tracker needs of `Health`."""

    clock: Callable[[], float]
    not_closed: set[Circuit]
    pairs: dict[tuple[int, int], Circuit]

    def circuit(self, key: str) -> Circuit: ...

    def credential_state(self, credential: CredentialConfig) -> CredentialState: ...


class AttemptTracker:
    """Made by `Health.begin`; its owner must call `ended`, whatever happens."""

    __slots__ = (
        "_answered", "_caller", "_candidate", "_connecting", "_credential", "_credential_state", "_ended", "_entered",
        "_health", "_pair", "_probes", "_usage",
    )  # fmt: skip

    def __init__(
        self,
        health: CircuitRegistry,
        candidate: CandidateState,
        credential: CredentialConfig | None,
        tokens: int,
        caller: Caller = NOBODY,
    ) -> None:
        self._health = health
        self._caller = caller
        self._candidate = candidate
        self._credential = credential
        self._connecting = self._answered = self._ended = False
        self._probes: list[Circuit] | None = None
        self._pair: Circuit | None = None
        now = health.clock()
        candidate.in_flight += 1
        if credential is None:
            self._credential_state: CredentialState | None = None
            self._usage: Usage | None = None
            self._entered = not self._lacks_credential() and (not health.not_closed or self._enter(now))
            return
        self._credential_state = state = health.credential_state(credential)
        self._usage = state.quota.begin(credential, now, tokens)
        if health.pairs:
            self._pair = health.pairs.get((credential.id, candidate.model))
        self._entered = not health.not_closed or self._enter(now)

    def connects_now(self) -> bool:
        """Whether a connection may be made at once, which it is then; where not, `may_connect` waits for that."""
        provider = self._candidate.provider
        if self._entered and (provider.admits() or self._is_among_probes(provider.circuit)):
            provider.connecting += 1
            self._connecting = True
            return True
        return False

    async def may_connect(self, only: bool) -> None:
        """Returns when a connection may be made. Raises UpstreamError, retryable, when it may not.

        `only`: there is no other candidate, so it is worth waiting as long as for a connection itself.
        """
        if self.connects_now():
            return
        provider = self._candidate.provider
        patience = provider.config.timeouts.connect if only else PATIENCE
        deadline = time.monotonic() + patience
        connected = provider.connected
        try:
            await self._wait_to_enter(deadline, only=only)
            while not (provider.admits() or provider.connected > connected or self._is_among_probes(provider.circuit)):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise UpstreamError(
                        ErrorKind.CONNECT_TIMEOUT,
                        "The provider's address does not answer, and enough requests are waiting for it already.",
                        code=REJECTED,
                    )
                await provider.wait(left)
                wait = provider.circuit.wait(self._health.clock())
                if wait is not None:
                    raise _rejected(wait)
        except (UpstreamError, asyncio.CancelledError):
            self._entered = False
            if self._credential_state is not None:
                self._credential_state.quota.withdraw(self._usage)
            raise
        provider.connecting += 1
        self._connecting = True

    def counts_tokens(self) -> bool:
        """Whether it matters how many tokens the attempt takes."""
        return self._usage is not None

    @property
    def connecting(self) -> bool:
        """Whether it waits for its connection."""
        return self._connecting

    def connected(self) -> None:
        """Records that the connection was made: the provider can be reached."""
        if not self._connecting:
            return
        self._connecting = False
        provider, probes = self._candidate.provider, self._probes
        provider.connecting -= 1
        provider.connected += 1
        circuit, now = provider.circuit, self._health.clock()
        if probes is None or circuit not in probes:
            circuit.record_success(now)
        else:
            circuit.record_success(now, NOBODY, circuit.probing)
            probes.remove(circuit)
        if provider.waiting:
            provider.notify()

    def first_byte(self, seconds: float) -> None:
        """Records that the answer began, `seconds` after the attempt did."""
        self._answered = True
        now = self._health.clock()
        self._candidate.latency.record(seconds, now)
        if self._probes:
            for circuit in self._probes:
                circuit.probe_answered(now)
            self._probes.clear()
            self._candidate.provider.notify()

    def ended(self, error: UpstreamError | None, counted: bool = True, tokens: int | None = None) -> None:
        """Ends the attempt, which took `tokens` in all; a second call does nothing.

        Not `counted`: the client or this gateway ended it, so neither success nor failure is recorded.
        """
        if self._ended:
            return
        self._ended = True
        candidate = self._candidate
        candidate.in_flight -= 1
        now = self._health.clock()
        if self._connecting:
            candidate.provider.connecting -= 1
        if self._credential_state is not None:
            self._credential_state.quota.end(self._usage, tokens, now)
        if counted and self._entered:
            if error is None:
                self._record_success(now)
            else:
                self._record_failure(error, now)
        if self._connecting or self._probes:
            for circuit in self._probes or ():
                if circuit.probing:
                    circuit.abandon_probe()
            candidate.provider.notify()

    def _circuits(self) -> list[Circuit]:
        """The circuits that it passes through; the first is that of the connection."""
        candidate, state = self._candidate, self._credential_state
        found = [candidate.provider.circuit, candidate.circuit]
        if state is not None:
            found.append(state.circuit)
        if self._pair is not None:
            found.append(self._pair)
        return found

    def _enter(self, now: float) -> bool:
        """Enters all circuits, or none: False when one of them rejects. Becomes the probe of those that are open."""
        circuits = self._circuits()
        for circuit in circuits:
            if not circuit.is_closed and circuit.wait(now, self._caller) is not None:
                return False
        for circuit in circuits:
            if not circuit.is_closed and circuit.enter(now, self._caller):
                self._probes = [*(self._probes or ()), circuit]
        return True

    async def _wait_to_enter(self, deadline: float, *, only: bool) -> None:
        """Waits while the probe of another attempt is out, if there is no other candidate."""
        while not self._entered:
            wait = self._longest_wait()
            left = deadline - time.monotonic()
            if not only or self._lacks_credential() or wait > left:
                raise _rejected(wait)
            await self._candidate.provider.wait(min(wait, left))
            self._entered = self._enter(self._health.clock())

    def _lacks_credential(self) -> bool:
        return self._credential is None and bool(self._candidate.provider.config.credentials)

    def _is_among_probes(self, circuit: Circuit) -> bool:
        return self._probes is not None and circuit in self._probes

    def _is_probe(self, circuit: Circuit) -> bool:
        """Whether this attempt decides about a circuit: it is its probe, and the circuit is still half-open."""
        return circuit.probing and self._is_among_probes(circuit)

    def _longest_wait(self) -> float:
        now = self._health.clock()
        waits = [circuit.wait(now, self._caller) for circuit in self._circuits()]
        return max((wait for wait in waits if wait is not None), default=PROBE_WAIT)

    def _record_success(self, now: float) -> None:
        """Records it for all circuits but that of the connection, which succeeded when it was made."""
        caller, state, pair = self._caller, self._credential_state, self._pair
        if self._probes is not None:
            for circuit in self._circuits()[1:]:
                circuit.record_success(now, caller, self._is_probe(circuit))
            return
        self._candidate.circuit.record_success(now, caller)
        if state is not None:
            state.circuit.record_success(now, caller)
        if pair is not None:
            pair.record_success(now, caller)

    def _record_failure(self, error: UpstreamError, now: float) -> None:
        candidate, cause = self._candidate, error.kind.value
        match scope_of(error.kind, answered=self._answered):
            case FailureScope.CONNECTION:
                circuit = candidate.provider.circuit
                circuit.record_failure(now, cause, probe=self._is_probe(circuit))
            case FailureScope.CANDIDATE:
                circuit, least = candidate.circuit, min(error.retry_after or 0.0, _MAX_PAUSE)
                probe = self._is_probe(circuit)
                if self._caller.counts_at(circuit) or probe:
                    circuit.record_failure(now, cause, probe=probe, least=least, caller=self._caller)
            case FailureScope.QUOTA:
                circuit = self._pair_circuit()
                seconds = None if not error.retry_after else min(error.retry_after, _MAX_PAUSE)
                circuit.pause(now, cause, seconds, _FIRST_PAUSE, probe=self._is_probe(circuit), caller=self._caller)
            case FailureScope.CREDENTIAL:
                circuit = candidate.circuit if self._credential_state is None else self._credential_state.circuit
                seconds = _BILLING_SECONDS if error.kind is ErrorKind.BILLING else _ACCESS_SECONDS
                circuit.open(now, cause, seconds, probe=self._is_probe(circuit), caller=self._caller)
            case FailureScope.ACCESS:
                self._record_forbidden(now, cause)

    def _record_forbidden(self, now: float, cause: str) -> None:
        """Opens at once where the provider has another credential; the only one opens after three in a row.

        A 403 may be about one prompt alone, which must not close the model to everybody else.
        """
        circuit = self._pair_circuit()
        probe = self._is_probe(circuit)
        limit = 1 if len(self._candidate.provider.config.credentials) > 1 else _FORBIDDEN
        if self._caller.counts_at(circuit) or probe:
            circuit.record_forbidden(now, cause, limit, _ACCESS_SECONDS, probe=probe, caller=self._caller)

    def _pair_circuit(self) -> Circuit:
        """Returns the circuit of this model with this credential; without a credential, the candidate's."""
        if self._credential is None:
            return self._candidate.circuit
        return self._health.circuit(pair_key(self._credential.id, self._candidate.model))


def _rejected(wait: float) -> UpstreamError:
    return UpstreamError(
        ErrorKind.OVERLOADED,
        "The provider failed recently and is not called until it had time to recover.",
        code=REJECTED,
        retry_after=max(wait, 1.0),
    )

"""The health of every candidate and credential as this process knows it. One per process; use it in its event loop.

An attempt outside live traffic, such as the admin's provider test, takes a `Health` of its own.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

from providers.config import CredentialConfig, ProviderConfig
from routing.health.callers import NOBODY, Caller
from routing.health.circuit import Circuit, CircuitSettings, State
from routing.health.keys import candidate_key, credential_key, parse_key, provider_key
from routing.health.state import CandidateState, CredentialState, ProviderState, choose_credential
from routing.health.tracker import AttemptTracker
from routing.snapshot import CandidateConfig, Snapshot
from routing.spread import Draw


class Health:
    """Answers routing's questions (`routing.selection.LiveState`) and learns from attempts.

    `clock` is monotonic seconds.
    """

    def __init__(
        self,
        settings: CircuitSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
        draw: Draw = random.random,
    ) -> None:
        self.settings = settings or CircuitSettings()
        self.clock = clock
        self.circuits: dict[str, Circuit] = {}
        """Every circuit by its key."""
        self.candidates: dict[tuple[int, int], CandidateState] = {}
        """By provider and model."""
        self.credentials: dict[int, CredentialState] = {}
        self.not_closed: set[Circuit] = set()
        """The circuits that are not closed: usually none, and then nobody needs to ask each of them."""
        self.pairs: dict[tuple[int, int], Circuit] = {}
        """Those of a model with a credential, by credential and model, where something has failed."""
        self._providers: dict[int, ProviderState] = {}
        self._draw = draw
        self._listener: Callable[[Circuit], None] | None = None

    def subscribe(self, listener: Callable[[Circuit], None] | None) -> None:
        """Calls `listener` with each circuit that changes, in the event loop; it must not block."""
        self._listener = listener

    # --- for routing -------------------------------------------------------------------------------------------------

    def cooling(self, candidate: CandidateConfig, caller: Caller = NOBODY) -> float | None:
        """Returns the seconds until a candidate may be tried again, None when it may be now."""
        credentials = candidate.provider.credentials
        if not self.not_closed and (not credentials or not credentials[0].is_limited()):
            return None
        found = self._obstacle(candidate, caller)
        return None if found is None else found[0]

    def why_cooling(self, candidate: CandidateConfig, caller: Caller = NOBODY) -> str:
        """Returns why a candidate is cooling down, and for whom, as half a sentence; "" when it is not."""
        found = self._obstacle(candidate, caller)
        return "" if found is None else found[1]

    def time_to_first_token(self, candidate: CandidateConfig) -> float | None:
        """Returns the recent average in seconds, None when it is unknown."""
        return self._candidate_state(candidate).latency.average(self.clock())

    def in_flight(self, candidate: CandidateConfig) -> int:
        """Returns how many attempts of a candidate are under way in this process."""
        return self._candidate_state(candidate).in_flight

    # --- for attempts ------------------------------------------------------------------------------------------------

    def credential(
        self, candidate: CandidateConfig, session: str = "", caller: Caller = NOBODY
    ) -> CredentialConfig | None:
        """Returns the credential for an attempt: by position, then by weight, of those that may be used now.

        A session keeps its credential while that can be used, since prompt caches belong to accounts. None when there
        is none to use; `may_connect` rejects an attempt that needs one and begins without.
        """
        credentials = candidate.provider.credentials
        if len(credentials) == 1:
            one = credentials[0]
            if not self.not_closed and not one.is_limited():
                return one
            return one if self._credential_wait(one, candidate.model.id, self.clock(), caller) is None else None
        return choose_credential(self._usable(candidate, caller), session, self._draw)

    def begin(
        self,
        candidate: CandidateConfig,
        credential: CredentialConfig | None,
        tokens: int = 0,
        caller: Caller = NOBODY,
    ) -> AttemptTracker:
        """Begins an attempt whose prompt has about `tokens`. The tracker must be ended, whatever happens."""
        return AttemptTracker(self, self._candidate_state(candidate), credential, tokens, caller)

    def first_byte_p95(self, candidate: CandidateConfig) -> float | None:
        """Returns the 95th percentile of recent seconds to the first byte, None when fewer than 20 are known."""
        return self._candidate_state(candidate).latency.p95()

    def record_abandoned(self, candidate: CandidateConfig, seconds: float) -> None:
        """Records that an attempt was given up before its first byte, after `seconds`: it is no faster than that.

        Without this the percentile would be that of quick attempts alone, and shrink with each that is given up.
        """
        self._candidate_state(candidate).latency.record(seconds, self.clock())

    # --- for the process ---------------------------------------------------------------------------------------------

    def reconfigure(self, snapshot: Snapshot) -> None:
        """Forgets what was known of providers that a new configuration edits or removes."""
        now = self.clock()
        for identity, provider in tuple(self._providers.items()):
            config = snapshot.providers.get(identity)
            if config == provider.config:
                continue
            for circuit in tuple(self._circuits_of(provider)):
                circuit.reset(now)
            if config is not None:
                provider.config = config
            provider.notify()

    def circuit(self, key: str) -> Circuit:
        """Returns the circuit of a key, made when it is missing. Raises ValueError for an invalid key."""
        found = self.circuits.get(key)
        if found is None:
            kind, numbers = parse_key(key)
            found = self.circuits.setdefault(key, Circuit(key, self.settings, self._changed, self.not_closed))
            if kind == "pair":
                credential, model = numbers
                self.pairs[credential, model] = found
        return found

    def notify(self) -> None:
        """Wakes every attempt that waits, after circuits changed from outside."""
        for provider in self._providers.values():
            provider.notify()

    # --- for a tracker -----------------------------------------------------------------------------------------------

    def credential_state(self, credential: CredentialConfig) -> CredentialState:
        """Returns what is known of a credential."""
        found = self.credentials.get(credential.id)
        if found is None:
            circuit = self.circuit(credential_key(credential.id))
            found = self.credentials.setdefault(credential.id, CredentialState(circuit))
        return found

    # --- private -----------------------------------------------------------------------------------------------------

    def _changed(self, circuit: Circuit) -> None:
        if self._listener is not None:
            self._listener(circuit)

    def _provider_state(self, config: ProviderConfig) -> ProviderState:
        found = self._providers.get(config.id)
        if found is None:
            state = ProviderState(config, self.circuit(provider_key(config.id)))
            found = self._providers.setdefault(config.id, state)
        return found

    def _candidate_state(self, candidate: CandidateConfig) -> CandidateState:
        provider, model = candidate.provider.id, candidate.model.id
        found = self.candidates.get((provider, model))
        if found is None:
            circuit = self.circuit(candidate_key(provider, model))
            state = CandidateState(self._provider_state(candidate.provider), model, circuit)
            found = self.candidates.setdefault((provider, model), state)
        return found

    def _obstacle(self, candidate: CandidateConfig, caller: Caller) -> tuple[float, str] | None:
        """Returns for how many seconds a candidate cannot be called, and why; None when it can."""
        state, now = self._candidate_state(candidate), self.clock()
        reaching = state.provider.circuit
        if not reaching.is_closed and (unreachable := reaching.wait(now)) is not None:
            return unreachable, "its provider could not be reached recently"
        if not state.circuit.is_closed and (failing := state.circuit.wait(now, caller)) is not None:
            return failing, f"it failed recently{_for_whom(state.circuit, caller)}"
        shortest: tuple[float, str] | None = None
        for one in candidate.provider.credentials:
            found = self._credential_wait(one, state.model, now, caller)
            if found is None:
                return None
            if shortest is None or found[0] < shortest[0]:
                shortest = found
        return shortest

    def _credential_wait(
        self, one: CredentialConfig, model: int, now: float, caller: Caller
    ) -> tuple[float, str] | None:
        """Returns for how many seconds a credential cannot be used for a model, and why; None when it can."""
        state = self.credential_state(one)
        if not state.circuit.is_closed and (wait := state.circuit.wait(now)) is not None:
            return wait, f"the provider rejected its credential {one.name}"
        pair = self.pairs.get((one.id, model))
        if pair is not None and (wait := pair.wait(now, caller)) is not None:
            if pair.state is not State.PAUSED:
                return wait, f"the provider forbade it to its credential {one.name}{_for_whom(pair, caller)}"
            return wait, f"the provider limits the rate of its credential {one.name}"
        wait = state.quota.wait(one, now)
        return None if wait is None else (wait, f"its credential {one.name} has reached its own limits")

    def _usable(self, candidate: CandidateConfig, caller: Caller) -> list[CredentialConfig]:
        now, model = self.clock(), candidate.model.id
        return [one for one in candidate.provider.credentials if self._credential_wait(one, model, now, caller) is None]

    def _circuits_of(self, provider: ProviderState) -> Iterator[Circuit]:
        own = {one.id for one in provider.config.credentials}
        yield provider.circuit
        yield from (state.circuit for state in self.candidates.values() if state.provider is provider)
        yield from (state.circuit for identity, state in self.credentials.items() if identity in own)
        yield from (circuit for (credential, _), circuit in self.pairs.items() if credential in own)


def _for_whom(circuit: Circuit, caller: Caller) -> str:
    """For whom a circuit is open, as the end of a clause; "" for everybody."""
    if not circuit.only:
        return ""
    if not caller.key:
        return " for some client keys only"
    return " with this very request" if all(body for _, body in circuit.only) else " for this client key"

"""The health of every candidate and credential as this process knows it. One per process; ask it in its event loop.

An attempt outside live traffic, such as the admin's provider test, takes a `Health` of its own.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

from providers.config import CredentialConfig, ProviderConfig
from routing.health import keys
from routing.health.circuit import Circuit, Rules
from routing.health.credentials import choose
from routing.health.state import CandidatePlace, CredentialPlace, ProviderPlace
from routing.health.tracker import Trial
from routing.snapshot import CandidateConfig, Snapshot


class Health:
    """Answers routing's questions (`routing.live.Live`) and learns from attempts. `clock` is monotonic seconds."""

    def __init__(
        self,
        rules: Rules | None = None,
        clock: Callable[[], float] = time.monotonic,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self.rules = rules or Rules()
        self.clock = clock
        self.circuits: dict[str, Circuit] = {}
        """Every circuit by its key."""
        self.candidates: dict[tuple[int, int], CandidatePlace] = {}
        """By provider and model."""
        self.credentials: dict[int, CredentialPlace] = {}
        self._pairs: dict[tuple[int, int], Circuit] = {}
        self._providers: dict[int, ProviderPlace] = {}
        self._dice = dice
        self._listener: Callable[[Circuit], None] | None = None

    def subscribe(self, listener: Callable[[Circuit], None] | None) -> None:
        """Call `listener` with each circuit that changes, in the event loop; it must not wait for anything."""
        self._listener = listener

    # --- what routing asks -------------------------------------------------------------------------------------------

    def cooling(self, candidate: CandidateConfig) -> float | None:
        """Seconds until a candidate may be tried again, or None when it may be now."""
        found = self._obstacle(candidate)
        return None if found is None else found[0]

    def why_cooling(self, candidate: CandidateConfig) -> str:
        """Why a candidate is cooling down, as half a sentence; "" when it is not."""
        found = self._obstacle(candidate)
        return "" if found is None else found[1]

    def time_to_first_token(self, candidate: CandidateConfig) -> float | None:
        """Seconds, lately; None when nobody knows."""
        return self._place(candidate).speed.average(self.clock())

    def in_flight(self, candidate: CandidateConfig) -> int:
        """How many attempts of it are under way in this process."""
        return self._place(candidate).in_flight

    # --- what attempts ask and tell ----------------------------------------------------------------------------------

    def credential(self, candidate: CandidateConfig, session: str = "") -> CredentialConfig | None:
        """The credential for an attempt: by position, then by weight, of those that may be used now.

        A session keeps its credential while that can be used, since prompt caches belong to accounts. None when there
        is none to use; an attempt that begins without one all the same is told so by `may_connect`.
        """
        now = self.clock()
        credentials = candidate.provider.credentials
        usable = [one for one in credentials if self._credential_wait(one, candidate.model.id, now) is None]
        return choose(usable, session, self._dice)

    def begin(self, candidate: CandidateConfig, credential: CredentialConfig | None, tokens: int = 0) -> Trial:
        """An attempt begins, whose prompt is estimated at so many tokens. It must be ended, whatever happens."""
        return Trial(self, self._place(candidate), credential, tokens)

    def usual_first_byte(self, candidate: CandidateConfig) -> float | None:
        """Seconds that 95 of 100 recent first bytes of a candidate stayed under; None when fewer than 20 are known."""
        return self._place(candidate).speed.usual()

    def waited(self, candidate: CandidateConfig, seconds: float) -> None:
        """An attempt was given up that had not begun to answer after so many seconds: it is no faster than that.

        Without this the usual time would be that of the quick ones alone, and shrink with each that is given up.
        """
        self._place(candidate).speed.note(seconds, self.clock())

    # --- what the process tells --------------------------------------------------------------------------------------

    def keep(self, snapshot: Snapshot) -> None:
        """A new configuration: forget who is gone, and give those a fresh start whose provider was edited."""
        now = self.clock()
        for identity, provider in tuple(self._providers.items()):
            config = snapshot.providers.get(identity)
            if config == provider.config:
                continue
            for circuit in tuple(self._circuits_of(provider)):
                circuit.reset(now)
            if config is not None:
                provider.config = config
            provider.ring()

    def circuit(self, key: str) -> Circuit:
        """The circuit of that name. Raises ValueError for a name that none can have."""
        found = self.circuits.get(key)
        if found is None:
            kind, numbers = keys.parsed(key)
            found = self.circuits.setdefault(key, Circuit(key, self.rules, self._changed))
            if kind == "pair":
                credential, model = numbers
                self._pairs[credential, model] = found
        return found

    def ring(self) -> None:
        """Circuits changed from outside: everybody who waits looks again."""
        for provider in self._providers.values():
            provider.ring()

    # --- what a trial asks -------------------------------------------------------------------------------------------

    def of_credential(self, credential: CredentialConfig) -> CredentialPlace:
        """What is known of a credential."""
        found = self.credentials.get(credential.id)
        if found is None:
            circuit = self.circuit(keys.of_credential(credential.id))
            found = self.credentials.setdefault(credential.id, CredentialPlace(circuit))
        return found

    def pair(self, credential: CredentialConfig, model: int) -> Circuit | None:
        """The circuit of a model by a credential, if anything has gone wrong there yet."""
        return self._pairs.get((credential.id, model)) if self._pairs else None

    # --- inside ------------------------------------------------------------------------------------------------------

    def _changed(self, circuit: Circuit) -> None:
        if self._listener is not None:
            self._listener(circuit)

    def _provider(self, config: ProviderConfig) -> ProviderPlace:
        found = self._providers.get(config.id)
        if found is None:
            place = ProviderPlace(config, self.circuit(keys.of_provider(config.id)))
            found = self._providers.setdefault(config.id, place)
        return found

    def _place(self, candidate: CandidateConfig) -> CandidatePlace:
        provider, model = candidate.provider.id, candidate.model.id
        found = self.candidates.get((provider, model))
        if found is None:
            circuit = self.circuit(keys.of_candidate(provider, model))
            place = CandidatePlace(self._provider(candidate.provider), model, circuit)
            found = self.candidates.setdefault((provider, model), place)
        return found

    def _obstacle(self, candidate: CandidateConfig) -> tuple[float, str] | None:
        """How long a candidate cannot be asked, and why."""
        place, now = self._place(candidate), self.clock()
        unreachable = place.provider.circuit.wait(now)
        if unreachable is not None:
            return unreachable, "its provider could not be reached lately"
        failing = place.circuit.wait(now)
        if failing is not None:
            return failing, "it failed lately"
        shortest: tuple[float, str] | None = None
        for one in candidate.provider.credentials:
            found = self._credential_wait(one, place.model, now)
            if found is None:
                return None
            if shortest is None or found[0] < shortest[0]:
                shortest = found
        return shortest

    def _credential_wait(self, one: CredentialConfig, model: int, now: float) -> tuple[float, str] | None:
        """How long a credential cannot be used for a model, and why."""
        place = self.of_credential(one)
        wait = place.circuit.wait(now)
        if wait is not None:
            return wait, f"the provider refused its credential {one.name} lately"
        pair = self.pair(one, model)
        wait = None if pair is None else pair.wait(now)
        if wait is not None:
            return wait, f"the provider limits its credential {one.name}"
        wait = place.quota.wait(one, now)
        return None if wait is None else (wait, f"its credential {one.name} has reached its own limits")

    def _circuits_of(self, provider: ProviderPlace) -> Iterator[Circuit]:
        own = {one.id for one in provider.config.credentials}
        yield provider.circuit
        yield from (place.circuit for place in self.candidates.values() if place.provider is provider)
        yield from (place.circuit for identity, place in self.credentials.items() if identity in own)
        yield from (circuit for (credential, _), circuit in self._pairs.items() if credential in own)

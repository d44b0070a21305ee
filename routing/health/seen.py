"""The health as the request of one client key sees it."""

from __future__ import annotations

from typing import Protocol

import msgspec

from providers.config import CredentialConfig
from routing.health.callers import Caller
from routing.health.health import Health
from routing.health.tracker import AttemptTracker
from routing.snapshot import CandidateConfig


class AttemptHealth(Protocol):
    """What an attempt needs: `Health` for one that belongs to no client key, `CallerHealth` for the rest."""

    def credential(self, candidate: CandidateConfig, session: str = "") -> CredentialConfig | None: ...

    def begin(
        self, candidate: CandidateConfig, credential: CredentialConfig | None, tokens: int = 0
    ) -> AttemptTracker: ...


class CallerHealth(msgspec.Struct, frozen=True, gc=False):
    """Answers what `Health` answers, for one caller."""

    _health: Health
    _caller: Caller

    def cooling(self, candidate: CandidateConfig) -> float | None:
        """Returns the seconds until this caller may try a candidate again, None when it may now."""
        return self._health.cooling(candidate, self._caller)

    def why_cooling(self, candidate: CandidateConfig) -> str:
        """Returns why a candidate is cooling down for this caller, as half a sentence; "" when it is not."""
        return self._health.why_cooling(candidate, self._caller)

    def time_to_first_token(self, candidate: CandidateConfig) -> float | None:
        """Returns the recent average in seconds, None when it is unknown."""
        return self._health.time_to_first_token(candidate)

    def in_flight(self, candidate: CandidateConfig) -> int:
        """Returns how many attempts of a candidate are under way in this process."""
        return self._health.in_flight(candidate)

    def first_byte_p95(self, candidate: CandidateConfig) -> float | None:
        """Returns the 95th percentile of recent seconds to the first byte, None when too few are known."""
        return self._health.first_byte_p95(candidate)

    def credential(self, candidate: CandidateConfig, session: str = "") -> CredentialConfig | None:
        """Returns the credential for an attempt of this caller, None when there is none to use."""
        return self._health.credential(candidate, session, self._caller)

    def begin(self, candidate: CandidateConfig, credential: CredentialConfig | None, tokens: int = 0) -> AttemptTracker:
        """Begins an attempt of this caller. The tracker must be ended, whatever happens."""
        return self._health.begin(candidate, credential, tokens, self._caller)

    def record_abandoned(self, candidate: CandidateConfig, seconds: float) -> None:
        """Records that an attempt was given up before its first byte."""
        self._health.record_abandoned(candidate, seconds)

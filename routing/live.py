"""What routing asks of the moment: which candidates are cooling down, how fast and how busy they are.

A protocol, so that decisions stay pure: the same question with the same answers gives the same decision.
"""

from __future__ import annotations

from typing import Protocol

from routing.snapshot import CandidateConfig


class LiveState(Protocol):
    """The state of the candidates as this process knows it."""

    def cooling(self, candidate: CandidateConfig) -> float | None:
        """Returns the seconds until a candidate may be tried again, None when it may be now.

        Also counts as cooling down: none of its provider's credentials may be used.
        """
        ...

    def why_cooling(self, candidate: CandidateConfig) -> str:
        """Returns why a candidate is cooling down, as half a sentence."""
        ...

    def time_to_first_token(self, candidate: CandidateConfig) -> float | None:
        """Returns the recent average in seconds, None when it is unknown."""
        ...

    def in_flight(self, candidate: CandidateConfig) -> int:
        """Returns how many of its answers this process is streaming."""
        ...


class AllHealthy:
    """For explanations without traffic: every candidate is available, no time is known."""

    def cooling(self, candidate: CandidateConfig) -> float | None:
        return None

    def why_cooling(self, candidate: CandidateConfig) -> str:
        return ""

    def time_to_first_token(self, candidate: CandidateConfig) -> float | None:
        return None

    def in_flight(self, candidate: CandidateConfig) -> int:
        return 0

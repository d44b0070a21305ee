"""What routing asks of the moment: who is cooling down, how fast and how busy candidates are.

A protocol, so that decisions stay pure: the same question with the same answers gives the same decision.
"""

from __future__ import annotations

from typing import Protocol

from routing.snapshot import CandidateConfig


class Live(Protocol):
    """The state of the candidates as this process knows it."""

    def cooling(self, candidate: CandidateConfig) -> float | None:
        """Seconds until a candidate may be tried again, or None when it may be now.

        Also when none of its provider's credentials may be used.
        """
        ...

    def why_cooling(self, candidate: CandidateConfig) -> str:
        """Why a candidate is cooling down, as half a sentence."""
        ...

    def time_to_first_token(self, candidate: CandidateConfig) -> float | None:
        """Seconds, lately; None when nobody knows."""
        ...

    def in_flight(self, candidate: CandidateConfig) -> int:
        """How many of its answers are being streamed by this process."""
        ...


class AllWell:
    """For explanations without traffic: everybody is well, and nobody knows how fast."""

    def cooling(self, candidate: CandidateConfig) -> float | None:
        """Nobody is."""
        return None

    def why_cooling(self, candidate: CandidateConfig) -> str:
        """For no reason."""
        return ""

    def time_to_first_token(self, candidate: CandidateConfig) -> float | None:
        """Nobody knows."""
        return None

    def in_flight(self, candidate: CandidateConfig) -> int:
        """None."""
        return 0

"""A health with a clock of its own, and the candidates and attempts that tests need."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.config import CredentialConfig, ModelConfig, ProviderConfig, Secret, Timeouts
from providers.errors import ErrorKind, UpstreamError
from routing.health import AttemptTracker, CircuitSettings, Health
from routing.snapshot import CandidateConfig


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def passes(self, seconds: float) -> None:
        """Time goes by."""
        self.now += seconds


def credential(identity: int, **fields: Any) -> CredentialConfig:
    """A credential."""
    return CredentialConfig(id=identity, name=f"key{identity}", secret=Secret(f"secret{identity}"), **fields)


def candidate(
    *credentials: CredentialConfig, model: int = 1, provider: int = 1, connect: float = 10
) -> CandidateConfig:
    """A model of a provider with these credentials."""
    return CandidateConfig(
        id=model,
        provider=ProviderConfig(
            id=provider,
            name=f"provider{provider}",
            dialect="openai_chat",
            base_url="http://127.0.0.1:9",
            credentials=credentials,
            timeouts=Timeouts(connect=connect),
        ),
        model=ModelConfig(id=model, provider_id=provider, name=f"model{model}"),
    )


def renamed(known: CandidateConfig, **fields: Any) -> ProviderConfig:
    """The candidate's provider after an edit."""
    return msgspec.structs.replace(known.provider, **fields)


class HealthDriver:
    """A health, its clock, and attempts in one call each."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.draw = 0.5
        self.health = Health(CircuitSettings(**settings), self.clock, lambda: self.draw)

    def begun(self, known: CandidateConfig) -> AttemptTracker:
        """An attempt under way."""
        return self.health.begin(known, self.health.credential(known))

    async def sent(self, known: CandidateConfig) -> AttemptTracker:
        """An attempt whose connection was made."""
        tracker = self.begun(known)
        await tracker.may_connect(only=False)
        tracker.connected()
        return tracker

    def tried(self, known: CandidateConfig, kind: ErrorKind | None = None, **fields: Any) -> None:
        """An attempt from begin to end; it succeeds without a kind."""
        tracker = self.begun(known)
        if kind is None:
            tracker.first_byte(0.1)
        tracker.ended(None if kind is None else UpstreamError(kind, "the provider failed", **fields))

    def fails(self, known: CandidateConfig, times: int, kind: ErrorKind = ErrorKind.SERVER) -> None:
        """So many attempts fail, one after the other."""
        for _ in range(times):
            self.tried(known, kind)

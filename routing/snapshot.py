"""All configuration as frozen structs, indexed for the questions that requests ask. Swapped whole, never changed."""

from __future__ import annotations

import msgspec

from access.keys import KeyRecord
from providers.config import ModelConfig, ProviderConfig
from providers.transforms.contract import Chain


class CandidateConfig(msgspec.Struct, frozen=True):
    """A model that a route may use, with its provider and the chain of both, compiled."""

    id: int
    provider: ProviderConfig
    model: ModelConfig
    transforms: Chain = Chain()


class RouteConfig(msgspec.Struct, frozen=True):
    """A name that clients put in `model`. `created_at` is RFC 3339."""

    id: int
    name: str
    display_name: str
    created_at: str
    candidates: tuple[CandidateConfig, ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()
    """Candidates that can never be called as things stand: (`provider: model`, cause)."""


class Snapshot(msgspec.Struct, frozen=True):
    """The whole configuration of one moment."""

    keys: dict[str, KeyRecord] = {}
    """By SHA-256 of the key."""
    providers: dict[int, ProviderConfig] = {}
    models: dict[int, ModelConfig] = {}
    routes: dict[str, RouteConfig] = {}
    """Enabled routes by name, in the order of their names."""
    default_route: RouteConfig | None = None
    revisions: dict[str, int] = {}

    def candidate(self, provider_id: int, model_name: str) -> CandidateConfig | None:
        """A candidate outside every route, for the admin's provider test; the model need not be configured."""
        provider = self.providers.get(provider_id)
        if provider is None:
            return None
        for model in self.models.values():
            if model.provider_id == provider_id and model.name == model_name:
                return CandidateConfig(id=0, provider=provider, model=model)
        return CandidateConfig(
            id=0, provider=provider, model=ModelConfig(id=0, provider_id=provider_id, name=model_name)
        )

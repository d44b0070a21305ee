"""All configuration as frozen structs, indexed for requests. Replaced as a unit, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from access.keys import Keys
from providers.claude.blocks import holds_texts_only
from providers.client_fields.rules import Asking, ClientFields
from providers.config import ModelConfig, ProviderConfig, Secret
from providers.dialects.contract import Call
from providers.fidelity import Fidelity, Notes
from providers.transforms.contract import Chain
from routing.rules.aliases import AliasIndex
from routing.rules.buckets import RuleIndex
from routing.rules.concepts import ConceptIndex

Order = Literal["sequence", "weighted", "cheapest", "fastest", "least_busy"]
"""How a route puts its candidates in order."""


class CandidateConfig(msgspec.Struct, frozen=True):
    """A model that a route may use, with its provider, the chain of both and what clients may add, compiled."""

    id: int
    provider: ProviderConfig
    model: ModelConfig
    transforms: Chain = Chain()
    weight: int = 1
    client_fields: ClientFields = ClientFields()

    @property
    def name(self) -> str:
        """The name in decisions and on pages."""
        return f"{self.provider.name}: {self.model.name}"

    def call(
        self,
        request: dict[str, Any],
        headers: Mapping[str, str],
        asking: Asking,
        *,
        secret: Secret | None,
        session_id: str,
        input_estimate: int,
        notes: Notes,
    ) -> Call:
        """Returns the call of this model that a client's request makes: first filtered, then changed by the chain."""
        filtered, headers, added = self.client_fields.filtered(request, headers, notes, asking)
        body = filtered
        if self.transforms.requests:
            body = self.transforms.edited(filtered)
            if body is not filtered:
                notes.add(Fidelity.TRANSFORMED)
        return Call(
            body=body,
            model=self.model,
            provider=self.provider,
            secret=secret,
            headers=headers,
            session_id=session_id or None,
            input_estimate=input_estimate,
            notes=notes,
            client_fields=added,
            texts_only=holds_texts_only(body),
        )


class RouteConfig(msgspec.Struct, frozen=True):
    """A name that clients put in `model`. `created_at` is RFC 3339, `deadline` seconds or 0 for none."""

    id: int
    name: str
    display_name: str
    created_at: str
    candidates: tuple[CandidateConfig, ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()
    """Candidates that this configuration cannot call: (`provider: model`, cause)."""
    yields: bool = False
    order: Order = "sequence"
    sticky: bool = False
    max_attempts: int = 4
    retries: int = 0
    deadline: float = 0.0
    continues: bool = False
    hedges: bool = False
    answers_as: Literal["asked", "real"] = "asked"


class ScenarioConfig(msgspec.Struct, frozen=True):
    """Where a scenario's requests go; `threshold` is tokens, for long context alone."""

    route: RouteConfig
    threshold: int | None = None


class Snapshot(msgspec.Struct, frozen=True):
    """The complete configuration at one moment."""

    keys: Keys = msgspec.field(default_factory=Keys)
    """By SHA-256 of the secret; a key that is being rotated is there twice."""
    providers: dict[int, ProviderConfig] = {}
    models: dict[int, ModelConfig] = {}
    candidates: dict[tuple[str, str], CandidateConfig] = {}
    """Every model that can be called, by (provider's name in lower case, model's name)."""
    routes: dict[str, RouteConfig] = {}
    """Enabled routes by name, in the order of their names."""
    disabled_routes: frozenset[str] = frozenset()
    """Names of switched-off routes that are refused; empty where such a name shall mean nothing."""
    default_route: RouteConfig | None = None
    aliases: AliasIndex = AliasIndex()
    scenarios: dict[tuple[str, int | None], ScenarioConfig] = {}
    """By scenario and team; None is every team."""
    rules: RuleIndex = RuleIndex()
    concepts: ConceptIndex = ConceptIndex()
    revisions: dict[str, int] = {}

    def candidate(self, provider_id: int, model_name: str) -> CandidateConfig | None:
        """Returns a candidate outside every route, for the admin's provider test; its model may be missing here."""
        provider = self.providers.get(provider_id)
        if provider is None:
            return None
        for model in self.models.values():
            if model.provider_id == provider_id and model.name == model_name:
                return CandidateConfig(id=0, provider=provider, model=model)
        return CandidateConfig(
            id=0, provider=provider, model=ModelConfig(id=0, provider_id=provider_id, name=model_name)
        )

    def scenario(self, name: str, team_id: int) -> ScenarioConfig | None:
        """Returns where a team's requests of a scenario go: its own setting, or that of every team."""
        return self.scenarios.get((name, team_id)) or self.scenarios.get((name, None))

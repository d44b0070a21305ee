"""Builders for the tests of routing: providers, models, routes, keys, facts and snapshots."""

from __future__ import annotations

from typing import Any

from access.keys import KeyRecord, allowed_pattern
from providers.config import ModelConfig, ProviderConfig
from routing import engine
from routing.decision import Decision
from routing.facts import request_facts
from routing.rules.aliases import AliasIndex, make_alias
from routing.rules.buckets import RuleConfig, RuleIndex, make_rule
from routing.rules.concepts import ConceptConfig, ConceptIndex, words_of
from routing.rules.conditions import parse_conditions
from routing.snapshot import CandidateConfig, RouteConfig, ScenarioConfig, Snapshot

OPENROUTER = ProviderConfig(id=1, name="openrouter", dialect="openai_chat", base_url="https://openrouter.ai/api/v1")
OLLAMA = ProviderConfig(id=2, name="ollama", dialect="openai_chat", base_url="http://localhost:11434/v1")
ANYONE = KeyRecord(id=1, name="mia", prefix="sk-px-ab", hash="", team_id=1, team_name="red", tags=("ci",))


def candidate(name: str, provider: ProviderConfig = OPENROUTER, *can: str, **fields: Any) -> CandidateConfig:
    """A candidate whose model has these capabilities."""
    weight = fields.pop("weight", 1)
    identity = sum(map(ord, name))
    model = ModelConfig(id=identity, provider_id=provider.id, name=name, capabilities=frozenset(can), **fields)
    return CandidateConfig(id=identity, provider=provider, model=model, weight=weight)


def route(name: str, *candidates: CandidateConfig, **fields: Any) -> RouteConfig:
    """A route; with one candidate of its own name if none is given."""
    return RouteConfig(
        id=len(name),
        name=name,
        display_name=name,
        created_at="2026-01-01T00:00:00Z",
        candidates=candidates or (candidate(f"{name}-model"),),
        **fields,
    )


def make_snapshot(
    *routes: RouteConfig,
    default: str = "",
    aliases: dict[str, str] | None = None,
    scenarios: dict[str, str] | None = None,
    rules: tuple[RuleConfig, ...] = (),
    concepts: tuple[ConceptConfig, ...] = (),
    models: tuple[CandidateConfig, ...] = (),
    threshold: int | None = None,
    disabled: tuple[str, ...] = (),
) -> Snapshot:
    """A snapshot of these routes."""
    by_name = {each.name: each for each in routes}
    return Snapshot(
        routes=by_name,
        disabled_routes=frozenset(disabled),
        default_route=by_name.get(default),
        aliases=AliasIndex([make_alias(pattern, target) for pattern, target in (aliases or {}).items()]),
        scenarios={
            (name, None): ScenarioConfig(by_name[target], threshold) for name, target in (scenarios or {}).items()
        },
        rules=RuleIndex(rules),
        concepts=ConceptIndex(concepts),
        candidates={(each.provider.name, each.model.name): each for each in models},
    )


def rule(rank: int, route: str, *conditions: tuple[str, str, Any], **fields: Any) -> RuleConfig:
    """A rule that leads to a route when all (or, with match="any", any) of the conditions hold."""
    written = [{"field": field, "operator": operator, "value": value} for field, operator, value in conditions]
    return make_rule(rank, f"rule-{rank}", rank, parse_conditions(written), route=route, **fields)


def concept(name: str, route: str, synonyms: str = "", priority: int = 50) -> ConceptConfig:
    """A concept."""
    return ConceptConfig(name, words_of(name, synonyms), route, priority)


def restricted(lines: str) -> KeyRecord:
    """A key that may use these routes."""
    return KeyRecord(
        id=2, name="k", prefix="sk-px-cd", hash="", team_id=1, team_name="red", allowed_routes=allowed_pattern(lines)
    )


def make_facts(model: str = "any", **fields: Any) -> request_facts.RequestFacts:
    """Facts of a short request, with these fields."""
    return request_facts.RequestFacts(**{"request_model": model, "streamed": True, "input_estimate": 10, **fields})


def facts_of(
    request: dict[str, Any], headers: dict[str, str] | None = None, key: KeyRecord = ANYONE
) -> request_facts.RequestFacts:
    """The facts of a request as a client sends it."""
    return request_facts.gather({"model": "any", **request}, headers or {}, 100, key=key)


def decide(known: request_facts.RequestFacts, snapshot: Snapshot, key: KeyRecord = ANYONE) -> Decision:
    """The decision for a request."""
    return engine.decide(known, key, snapshot)


def chosen_by(known: request_facts.RequestFacts, snapshot: Snapshot, key: KeyRecord = ANYONE) -> tuple[str, str]:
    """The phase that chose and the route's name."""
    found = engine.choose(known, key, snapshot)
    return found.phase, "" if found.choice.route is None else found.choice.route.name


def reason_of(phase: str, known: request_facts.RequestFacts, snapshot: Snapshot, key: KeyRecord = ANYONE) -> str:
    """The reason that a phase gave."""
    return {reason.phase: reason.text for reason in engine.choose(known, key, snapshot).reasons}[phase]

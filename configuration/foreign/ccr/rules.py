"""Converts the rules of claude-code-router 3: one that sets the model becomes a rule with its own route."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from configuration.file.schema import AliasEntry, CandidateEntry, RuleEntry, ScenarioEntry
from configuration.foreign.ccr import conditions
from configuration.foreign.ccr.scenarios import add_route, selected
from configuration.foreign.conversion import Conversion
from configuration.foreign.values import items, mapping, whole_number

_MODEL = frozenset({"request.body.model", "model", "body.model"})
_MAX_RETRIES = 10
_FAMILIES = {"sonnetModel": "sonnet", "opusModel": "opus", "fableModel": "fable", "haikuModel": "haiku"}


def read(conversion: Conversion, router: Mapping[str, Any], profile: Any) -> None:
    """Adds the rules and the agent profile of a file, with their fallbacks."""
    entries = [entry for entry in items(router.get("rules")) if isinstance(entry, dict)]
    for number, entry in enumerate(entries):
        _rule(conversion, f"Router.rules[{number}]", entry, len(entries) - number, router.get("fallback"))
    _profile(conversion, profile, router.get("fallback"))
    conversion.skip_unknown("Router", router, {"rules", "fallback", "builtInRules"}, {})


def _rule(conversion: Conversion, place: str, entry: Mapping[str, Any], priority: int, default: Any) -> None:
    name = str(entry.get("name") or entry.get("id") or place)[:120]
    if name in {rule.name for rule in conversion.configuration.rules}:
        name = f"{name[:100]} ({entry.get('id') or priority})"
    if entry.get("type") == "script":
        conversion.skip(
            place,
            f"{name}: Scripts are not supported. Rewrite it in Python and name it in CUSTOM_ROUTER, or as conditions.",
        )
        return
    found = conditions.read(conversion, place, entry)
    selector = _selector(conversion, place, entry)
    if found is None:
        return
    if selector is None:
        conversion.skip(place, f"{name}: The rule sets no model.")
        return
    candidates, fields = _targets(conversion, place, selector, entry.get("fallback") or default)
    route = f"ccr-rule-{priority}"
    if add_route(conversion, place, route, candidates, **fields):
        rule = RuleEntry(name=name, priority=priority, conditions=[found], route=route)
        if entry.get("enabled") is False:
            rule.enabled = False
        conversion.configuration.rules.append(rule)


def _selector(conversion: Conversion, place: str, entry: Mapping[str, Any]) -> Any:
    """The model that a rule sets; its other changes of the request are noted."""
    selector = entry.get("target") or None
    for number, rewrite in enumerate(items(entry.get("rewrites")) or [entry.get("rewrite")]):
        if not isinstance(rewrite, dict):
            continue
        key, operation = str(rewrite.get("key", "")), rewrite.get("operation") or "set"
        if key in _MODEL and operation == "set":
            selector = _literal(rewrite.get("value"))
        else:
            conversion.skip(f"{place}.rewrites[{number}]", f"{operation} {key}: Rules can only change the model.")
    return selector


def _literal(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) and value[:1] == '"' else value
    except json.JSONDecodeError:
        return value


def _targets(
    conversion: Conversion, place: str, selector: Any, fallback: Any
) -> tuple[list[CandidateEntry], dict[str, Any]]:
    """The model and its fallbacks as candidates, and the route's fields for retries."""
    selectors = [(place, selector)]
    fields: dict[str, Any] = {}
    given = mapping(fallback)
    if given.get("mode") == "model-chain":
        chain = enumerate(items(given.get("models")))
        selectors += [(f"{place}.fallback.models[{number}]", model) for number, model in chain]
    elif given.get("mode") == "retry" and (count := min(whole_number(given.get("retryCount")), _MAX_RETRIES)):
        fields = {"retries": count, "attempts": count + 1}
    return [found for where, each in selectors if (found := selected(conversion, where, each)) is not None], fields


def _profile(conversion: Conversion, profile: Any, fallback: Any) -> None:
    """Adds the agent profile's models for Claude Code: the default, the background model, and those by family."""
    for number, entry in enumerate(items(mapping(profile).get("profiles"))):
        place = f"profile.profiles[{number}]"
        if not isinstance(entry, dict) or entry.get("enabled") is False:
            continue
        if entry.get("agent") != "claude-code" or conversion.configuration.scenarios:
            conversion.skip(
                place,
                f"{entry.get('name') or entry.get('agent')}: Only one profile for Claude Code can be carried over.",
            )
            continue
        _add_agent_models(conversion, place, entry, fallback)
        if mapping(entry.get("routing")).get("rules"):
            conversion.skip(
                f"{place}.routing.rules", "A profile's own rules are not supported. Write them as rules of a team."
            )


def _add_agent_models(conversion: Conversion, place: str, entry: Mapping[str, Any], fallback: Any) -> None:
    for field, scenario in (("model", "default"), ("smallFastModel", "background")):
        if entry.get(field):
            candidates, fields = _targets(conversion, f"{place}.{field}", entry[field], fallback)
            if add_route(conversion, f"{place}.{field}", f"ccr-{scenario}", candidates, **fields):
                conversion.configuration.scenarios.append(ScenarioEntry(scenario=scenario, route=f"ccr-{scenario}"))
    for field, family in _FAMILIES.items():
        if entry.get(field):
            candidates, fields = _targets(conversion, f"{place}.{field}", entry[field], fallback)
            # It yields, because in claude-code-router rules come before the name that a client asks for.
            if add_route(conversion, f"{place}.{field}", f"ccr-{family}", candidates, yields=True, **fields):
                conversion.configuration.aliases.append(AliasEntry(pattern=f"*{family}*", target=f"ccr-{family}"))

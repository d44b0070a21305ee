"""The rules of claude-code-router 3: a condition that sets the model becomes a rule with a route of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from configuration.file.schema import AliasEntry, CandidateEntry, RuleEntry, ScenarioEntry
from configuration.foreign.ccr import conditions
from configuration.foreign.ccr.scenarios import add_route, selected
from configuration.foreign.conversion import Draft
from configuration.foreign.values import items, mapping, whole

_MODEL = frozenset({"request.body.model", "model", "body.model"})
_MOST_RETRIES = 10
_FAMILIES = {"sonnetModel": "sonnet", "opusModel": "opus", "fableModel": "fable", "haikuModel": "haiku"}


def read(draft: Draft, router: Mapping[str, Any], profile: Any) -> None:
    """Rules, fallback and agent profile of a file into the draft."""
    entries = [entry for entry in items(router.get("rules")) if isinstance(entry, dict)]
    for number, entry in enumerate(entries):
        _rule(draft, f"Router.rules[{number}]", entry, len(entries) - number, router.get("fallback"))
    _profile(draft, profile, router.get("fallback"))
    draft.rest("Router", router, {"rules", "fallback", "builtInRules"}, {})


def _rule(draft: Draft, place: str, entry: Mapping[str, Any], priority: int, default: Any) -> None:
    name = str(entry.get("name") or entry.get("id") or place)[:120]
    if name in {rule.name for rule in draft.configuration.rules}:
        name = f"{name[:100]} ({entry.get('id') or priority})"
    if entry.get("type") == "script":
        draft.lose(place, f"{name}: a script; write it in Python and name it in CUSTOM_ROUTER, or as conditions.")
        return
    found = conditions.read(draft, place, entry)
    selector = _selector(draft, place, entry)
    if found is None:
        return
    if selector is None:
        draft.lose(place, f"{name}: it sets no model, and rules choose models here.")
        return
    candidates, fields = _targets(draft, place, selector, entry.get("fallback") or default)
    route = f"ccr-rule-{priority}"
    if add_route(draft, place, route, candidates, **fields):
        rule = RuleEntry(name=name, priority=priority, conditions=[found], route=route)
        if entry.get("enabled") is False:
            rule.enabled = False
        draft.configuration.rules.append(rule)


def _selector(draft: Draft, place: str, entry: Mapping[str, Any]) -> Any:
    """The model that a rule sets; its other changes to the request are noted."""
    selector = entry.get("target") or None
    for number, rewrite in enumerate(items(entry.get("rewrites")) or [entry.get("rewrite")]):
        if not isinstance(rewrite, dict):
            continue
        key, operation = str(rewrite.get("key", "")), rewrite.get("operation") or "set"
        if key in _MODEL and operation == "set":
            selector = _literal(rewrite.get("value"))
        else:
            draft.lose(f"{place}.rewrites[{number}]", f"{operation} {key}: rules change nothing but the model here.")
    return selector


def _literal(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) and value[:1] == '"' else value
    except json.JSONDecodeError:
        return value


def _targets(draft: Draft, place: str, selector: Any, fallback: Any) -> tuple[list[CandidateEntry], dict[str, Any]]:
    """The model and its fallbacks as candidates, and how often each is tried."""
    selectors = [(place, selector)]
    fields: dict[str, Any] = {}
    given = mapping(fallback)
    if given.get("mode") == "model-chain":
        chain = enumerate(items(given.get("models")))
        selectors += [(f"{place}.fallback.models[{number}]", model) for number, model in chain]
    elif given.get("mode") == "retry" and (count := min(whole(given.get("retryCount")), _MOST_RETRIES)):
        fields = {"retries": count, "attempts": count + 1}
    return [found for where, each in selectors if (found := selected(draft, where, each)) is not None], fields


def _profile(draft: Draft, profile: Any, fallback: Any) -> None:
    """The models that the agent profile gives Claude Code: for everything, in the background, and by family."""
    for number, entry in enumerate(items(mapping(profile).get("profiles"))):
        place = f"profile.profiles[{number}]"
        if not isinstance(entry, dict) or entry.get("enabled") is False:
            continue
        if entry.get("agent") != "claude-code" or draft.configuration.scenarios:
            draft.lose(
                place, f"{entry.get('name') or entry.get('agent')}: one profile for Claude Code is carried over."
            )
            continue
        for field, scenario in (("model", "default"), ("smallFastModel", "background")):
            if entry.get(field):
                candidates, fields = _targets(draft, f"{place}.{field}", entry[field], fallback)
                if add_route(draft, f"{place}.{field}", f"ccr-{scenario}", candidates, **fields):
                    draft.configuration.scenarios.append(ScenarioEntry(scenario=scenario, route=f"ccr-{scenario}"))
        for field, family in _FAMILIES.items():
            if entry.get(field):
                candidates, fields = _targets(draft, f"{place}.{field}", entry[field], fallback)
                # It yields, because there the rules come before the name that a client asks for.
                if add_route(draft, f"{place}.{field}", f"ccr-{family}", candidates, yields=True, **fields):
                    draft.configuration.aliases.append(AliasEntry(pattern=f"*{family}*", target=f"ccr-{family}"))
        if mapping(entry.get("routing")).get("rules"):
            draft.lose(f"{place}.routing.rules", "a profile's own rules; write them as rules for a team.")

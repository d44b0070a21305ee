"""The Router of claude-code-router 2: a scenario's model and its fallbacks become a route with candidates in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from configuration.file.schema import CandidateEntry, RouteEntry, ScenarioEntry
from configuration.foreign.conversion import Draft
from configuration.foreign.values import items, mapping, whole, word

SCENARIOS = {
    "default": "default",
    "background": "background",
    "think": "think",
    "longContext": "long_context",
    "webSearch": "web_search",
    "image": "image",
}
"""Their name of a scenario -> ours."""
_ATTEMPTS = 4
"""What a route tries at most where nothing else is said."""


def read(draft: Draft, router: Mapping[str, Any], fallback: Any) -> None:
    """The scenarios of a file into the draft."""
    chains = mapping(fallback)
    for theirs, ours in SCENARIOS.items():
        selector = router.get(theirs)
        if not selector:
            if chains.get(theirs):
                draft.lose(f"fallback.{theirs}", "the scenario has no model of its own, so its fallbacks lead nowhere.")
            continue
        selectors = [(f"Router.{theirs}", selector)]
        for number, entry in enumerate(items(chains.get(theirs))):
            selectors.append((f"fallback.{theirs}[{number}]", entry))
        candidates = [found for place, entry in selectors if (found := selected(draft, place, entry)) is not None]
        name = f"ccr-{ours.replace('_', '-')}"
        if add_route(draft, f"Router.{theirs}", name, candidates):
            scenario = ScenarioEntry(scenario=ours, route=name)
            if ours == "long_context" and (threshold := whole(router.get("longContextThreshold"))):
                scenario.threshold = threshold
            draft.configuration.scenarios.append(scenario)
            if ours == "image":
                draft.lose("Router.image", "the whole request goes to this model; there is no image agent.")
    draft.rest("Router", router, {*SCENARIOS, "longContextThreshold", "builtInRules"}, {})
    draft.rest("fallback", chains, set(SCENARIOS), {})


def add_route(draft: Draft, place: str, name: str, candidates: list[CandidateEntry], **fields: Any) -> bool:
    """Add a route with these candidates, each once; False, and noted, where there is none."""
    once = list({candidate.model: candidate for candidate in candidates}.values())
    if not once:
        draft.lose(place, "none of its models could be carried over, so there is no route for it.")
        return False
    route = RouteEntry(name=name, candidates=once, **fields)
    if len(once) > _ATTEMPTS:
        route.attempts = len(once)
    draft.configuration.routes.append(route)
    return True


def selected(draft: Draft, place: str, selector: Any) -> CandidateEntry | None:
    """The model that a text such as `provider,model` or `provider/model` names; None, and noted, for any other."""
    text = word(selector)
    # After the name of a known provider, whatever else the model's own name holds.
    for at, character in enumerate(text):
        if character in ",/" and draft.has_provider(text[:at]):
            return draft.candidate(place, text[:at], text[at + 1 :])
    draft.lose(place, f"{text or 'nothing'} names no provider of the file and its model.")
    return None

"""Converts the Router of claude-code-router 2: a scenario's model and fallbacks become a route with candidates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from configuration.file.schema import CandidateEntry, RouteEntry, ScenarioEntry
from configuration.foreign.conversion import Conversion
from configuration.foreign.values import items, mapping, stripped, whole_number

SCENARIOS = {
    "default": "default",
    "background": "background",
    "think": "think",
    "longContext": "long_context",
    "webSearch": "web_search",
    "image": "image",
}
"""claude-code-router's scenario -> this gateway's."""
_ATTEMPTS = 4
"""The default number of attempts of a route."""


def read(conversion: Conversion, router: Mapping[str, Any], fallback: Any) -> None:
    """Adds the scenarios of a file."""
    chains = mapping(fallback)
    for theirs, ours in SCENARIOS.items():
        selector = router.get(theirs)
        if not selector:
            if chains.get(theirs):
                conversion.skip(f"fallback.{theirs}", "The scenario has no model, so its fallbacks are not used.")
            continue
        selectors = [(f"Router.{theirs}", selector)]
        for number, entry in enumerate(items(chains.get(theirs))):
            selectors.append((f"fallback.{theirs}[{number}]", entry))
        candidates = [found for place, entry in selectors if (found := selected(conversion, place, entry)) is not None]
        name = f"ccr-{ours.replace('_', '-')}"
        if add_route(conversion, f"Router.{theirs}", name, candidates):
            scenario = ScenarioEntry(scenario=ours, route=name)
            if ours == "long_context" and (threshold := whole_number(router.get("longContextThreshold"))):
                scenario.threshold = threshold
            conversion.configuration.scenarios.append(scenario)
            if ours == "image":
                conversion.skip("Router.image", "There is no image agent. The complete request goes to this model.")
    conversion.skip_unknown("Router", router, {*SCENARIOS, "longContextThreshold", "builtInRules"}, {})
    conversion.skip_unknown("fallback", chains, set(SCENARIOS), {})


def add_route(conversion: Conversion, place: str, name: str, candidates: list[CandidateEntry], **fields: Any) -> bool:
    """Adds a route with these candidates, each once. Returns False, and notes it, where there are none."""
    distinct = list({candidate.model: candidate for candidate in candidates}.values())
    if not distinct:
        conversion.skip(place, "None of its models could be carried over, so no route is created.")
        return False
    route = RouteEntry(name=name, candidates=distinct, **fields)
    if len(distinct) > _ATTEMPTS:
        route.attempts = len(distinct)
    conversion.configuration.routes.append(route)
    return True


def selected(conversion: Conversion, place: str, selector: Any) -> CandidateEntry | None:
    """The model that a text such as `provider,model` or `provider/model` names; None, and noted, for any other."""
    text = stripped(selector)
    # Split after the name of a known provider: names of models may contain both separators.
    for at, character in enumerate(text):
        if character in ",/" and conversion.has_provider(text[:at]):
            return conversion.candidate(place, text[:at], text[at + 1 :])
    conversion.skip(place, f"{text or '(empty)'} does not name a provider of the file and a model.")
    return None

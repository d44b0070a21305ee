"""The phases `subagent_tag`, `name` and `custom`: what a name means, in a tag, in `model`, or from the custom callable.

Clients choose the name in `model`, so nothing overrules it. `provider:model` and `provider,model` are split only after
the name of a known provider: models contain colons themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from access.keys import KeyRecord
from routing.facts.request_facts import RequestFacts
from routing.phases.choice import Choice, no_choice, permitted, refuse_disabled
from routing.snapshot import CandidateConfig, RouteConfig, Snapshot
from usage.sentence import Sentence

_SUFFIXES = re.compile(r"(\[1m\]|-\d{8}|@\d{8}|-latest)$", re.IGNORECASE)
"""What clients append to a model's name: Claude Code's long context, a date, "latest"."""


_NO_TAG = no_choice("the request holds no subagent tag")


def subagent_tag(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Choice:
    """Chooses the model that a <CCR-SUBAGENT-MODEL> tag names. Raises RouteRefused."""
    if not facts.subagent_tag:
        return _NO_TAG
    found = resolve(facts.subagent_tag, snapshot)
    if found is None:
        if disabled := disabled_route(facts.subagent_tag, snapshot):
            refuse_disabled(disabled, key, snapshot, "subagent_tag")
        return no_choice(Sentence("the subagent tag names {tag!r}, which is unknown", tag=facts.subagent_tag))
    route, how = found
    return Choice(
        permitted(route, key, snapshot, "subagent_tag"), facts.subagent_tag, f"the subagent tag names it: {how}"
    )


def name(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Choice:
    """Chooses the route or the model that the client named. Raises RouteRefused."""
    found = resolve(facts.request_model, snapshot)
    if found is None:
        if disabled := disabled_route(facts.request_model, snapshot):
            refuse_disabled(disabled, key, snapshot, "name")
        return no_choice("no route, alias or provider has this name")
    route, how = found
    chosen = permitted(route, key, snapshot, "name")
    if chosen.yields:
        return Choice(chosen, chosen.name, f"{how}, and it yields to the later phases", yields=True)
    return Choice(chosen, chosen.name, how)


def custom(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Choice:
    """Chooses the route that the custom callable named; it was called before, and its answer is a fact."""
    if facts.chosen is None:
        return no_choice("no custom callable answered")
    found = resolve(facts.chosen, snapshot)
    if found is None:
        return no_choice(Sentence("the custom callable named {name!r}, which is unknown", name=facts.chosen))
    route, how = found
    if not key.may_use(route.name):
        return no_choice(f"the custom callable named {route.name}, which the key's allow-list does not hold")
    return Choice(route, facts.chosen, f"the custom callable named it: {how}")


def resolve(asked: str, snapshot: Snapshot) -> tuple[RouteConfig, str] | None:
    """Returns what a name means and how it was found: a route, an alias, a provider's model, or one without suffix."""
    route = snapshot.routes.get(asked)
    if route is not None:
        return route, "a route has this name"
    if asked in snapshot.disabled_routes:
        return None
    for alias in snapshot.aliases.matching(asked):
        target = snapshot.routes.get(alias.target) or _explicit(alias.target, snapshot)
        if target is not None:
            return target, f"the alias {alias.pattern} leads to {alias.target}"
    explicit = _explicit(asked, snapshot)
    if explicit is not None:
        return explicit, "it names a provider and one of its models"
    stem = _SUFFIXES.sub("", asked)
    while stem != asked:
        found = resolve(stem, snapshot)
        if found is not None:
            return found[0], f"{stem}, without its suffix: {found[1]}"
        asked, stem = stem, _SUFFIXES.sub("", stem)
    return None


def disabled_route(asked: str, snapshot: Snapshot) -> str:
    """Returns the switched-off route that a name means where `resolve` finds none: by itself, an alias or its stem."""
    if not snapshot.disabled_routes:
        return ""
    for spelled in spellings(asked):
        names = (spelled, *(alias.target for alias in snapshot.aliases.matching(spelled)))
        found = next((name for name in names if name in snapshot.disabled_routes), "")
        if found:
            return found
    return ""


def spellings(asked: str) -> Iterator[str]:
    """Yields a name, and what is left of it without one suffix after another."""
    while True:
        yield asked
        stem = _SUFFIXES.sub("", asked)
        if stem == asked:
            return
        asked = stem


def _explicit(asked: str, snapshot: Snapshot) -> RouteConfig | None:
    """Returns a route with the one model that `provider:model` names."""
    candidate = _named_candidate(asked, snapshot)
    if candidate is None:
        return None
    name = f"{candidate.provider.name}:{candidate.model.name}"
    return RouteConfig(0, name, name, "1970-01-01T00:00:00Z", candidates=(candidate,))


def _named_candidate(asked: str, snapshot: Snapshot) -> CandidateConfig | None:
    for at, character in enumerate(asked):
        if character in ":,":
            found = snapshot.candidates.get((asked[:at].strip().lower(), asked[at + 1 :].strip()))
            if found is not None:
                return found
    return None

"""What a row of routing does, in a sentence or two: shown above its form, and after it was saved."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q

from routing.admin.wording import in_words
from routing.models import Alias, Candidate, Concept, Route, Rule, ScenarioRoute
from routing.phases.scenarios import LONG_CONTEXT
from routing.rules.concepts import words_of
from routing.rules.conditions import ConditionError, parse_conditions

_SHOWN = 5
"""Candidates that a sentence names."""
_BEST = {
    Route.Order.CHEAPEST: "the cheapest of",
    Route.Order.FASTEST: "the fastest of",
    Route.Order.LEAST_BUSY: "the least busy of",
}
_WHEN = {
    ScenarioRoute.Scenario.IMAGE: "there is an image anywhere in a request",
    ScenarioRoute.Scenario.WEB_SEARCH: "a request offers a web search tool",
    ScenarioRoute.Scenario.LONG_CONTEXT: "the prompt has {tokens:,} tokens or more",
    ScenarioRoute.Scenario.SUBAGENT: "a subagent sends the request",
    ScenarioRoute.Scenario.BACKGROUND: "a request asks for a small model",
    ScenarioRoute.Scenario.THINK: "thinking is switched on",
    ScenarioRoute.Scenario.PLAN: "the user asks to plan and to implement",
    ScenarioRoute.Scenario.DEFAULT: "no other scenario holds",
}
NOTHING_ANSWERS = "Nothing answers: every request fails until a candidate is added."


def of_route(route: Route) -> str:
    """Returns who answers a route, in which order, and what else becomes of its requests."""
    found = list(route.candidates.select_related("model__provider").order_by("position", "id"))
    usable = [one for one in found if one.enabled and one.model.enabled and one.model.provider.enabled]
    sentences = [_answering(route, usable, bool(found))]
    if len(usable) > 1 and route.attempts < len(usable):
        sentences.append(f"After {_times(route.attempts, 'attempt')} the request fails.")
    if usable and route.retries:
        sentences.append(f"Each is retried {_times(route.retries, 'time')} before the next.")
    if usable and route.deadline:
        sentences.append(f"All together have {route.deadline:g} seconds.")
    if len(usable) > 1:
        sentences += ["A session stays with one of them."] if route.sticky else []
        sentences += ["One that is slow to begin gets the next beside it."] if route.hedges else []
        sentences += ["An answer that breaks off is continued by the next."] if route.continues else []
    sentences += ["Every name that no route has leads here, too."] if route.is_default else []
    sentences += ["Rules, scenarios and concepts may send its requests elsewhere."] if route.yields else []
    return " ".join(sentences)


def _answering(route: Route, usable: Sequence[Candidate], has_some: bool) -> str:
    if not route.enabled:
        return "The route is switched off: requests that name it are refused."
    if not usable:
        return NOTHING_ANSWERS if not has_some else "Nothing answers: all of its candidates are switched off."
    names = _names(usable)
    if len(usable) == 1:
        return f"{route.name} is answered by {names[0]}; if that fails, the request fails."
    if route.order == Route.Order.SEQUENCE:
        rest = f"{', then by '.join(names[1:])}"
        return f"{route.name} is answered by {names[0]}; if that fails, by {rest}."
    if route.order == Route.Order.WEIGHTED:
        return f"{route.name} is answered by one of {_listed(_with_shares(usable, names))}; if that fails, by another."
    return (
        f"{route.name} is answered by {_BEST[Route.Order(route.order)]} {_listed(names)}; if that fails, by the next."
    )


def _names(candidates: Sequence[Candidate]) -> list[str]:
    names = [f"{one.model.provider.name}: {one.model.name}" for one in candidates[:_SHOWN]]
    rest = len(candidates) - len(names)
    return [*names, f"{rest} more"] if rest else names


def _with_shares(candidates: Sequence[Candidate], names: Sequence[str]) -> list[str]:
    whole = sum(candidate.weight for candidate in candidates)
    if not whole:
        return list(names)
    shares = [f" ({candidate.weight / whole:.0%})" for candidate in candidates[:_SHOWN]]
    return [f"{name}{share}" for name, share in zip(names, [*shares, ""], strict=False)]


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def of_rule(rule: Rule) -> str:
    """Returns when a rule holds and where its requests go."""
    try:
        when = in_words(parse_conditions(rule.conditions), rule.match)
    except ConditionError as error:
        return f"The rule does nothing: {error}"
    if not rule.enabled:
        return "The rule is switched off."
    whose = "of every team" if rule.team is None else f"of the team {rule.team.name}"
    where = f"the route {rule.route.name}" if rule.route is not None else f"the route of the scenario {rule.scenario}"
    how = "All requests" if when == "always" else "Requests"
    condition = "" if when == "always" else f" when {when}"
    before = Q(priority__gt=rule.priority) | Q(priority=rule.priority, name__lt=rule.name)
    earlier = Rule.objects.filter(before, enabled=True).exclude(pk=rule.pk).count()
    turn = f" {_times(earlier, 'rule')} {'is' if earlier == 1 else 'are'} tested before it." if earlier else ""
    return f"{how} {whose} go to {where.replace('_', ' ')}{condition}.{turn}"


def of_alias(alias: Alias) -> str:
    """Returns what an alias is another name for."""
    if not alias.enabled:
        return "The alias is switched off."
    who = "Clients that ask for any name like" if "*" in alias.pattern else "Clients that ask for"
    return f"{who} {alias.pattern} get {alias.target}."


def of_scenario(row: ScenarioRoute) -> str:
    """Returns when a scenario holds and where its requests go."""
    if not row.enabled:
        return "The scenario is switched off."
    tokens = LONG_CONTEXT if row.threshold is None else row.threshold
    when = _WHEN[ScenarioRoute.Scenario(row.scenario)].format(tokens=tokens)
    whose = "of every team without a route of its own" if row.team is None else f"of the team {row.team.name}"
    return f"When {when}, requests {whose} go to the route {row.route.name}."


def of_concept(concept: Concept) -> str:
    """Returns which words lead to a concept's route."""
    if not concept.enabled:
        return "The concept is switched off."
    words = words_of(concept.name, concept.synonyms)
    shown = " or ".join(f"“{word}”" for word in words[:_SHOWN])
    more = f" or {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return f"When the user writes {shown}{more}, the request goes to the route {concept.route.name}."


def _times(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"

"""What can never match: why a row that is enabled decides on no request."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from access.models import Team
from providers.models import Model, Provider
from routing.admin.unreachable import Unreachable
from routing.models import Alias, Candidate, Concept, Route, Rule, ScenarioRoute

pytestmark = pytest.mark.django_db

LONG = {"field": "tokens", "operator": "at_least", "value": 1000}
BASH = {"field": "tools", "operator": "has", "value": "Bash"}
BLUE = {"field": "header.x-project", "operator": "is", "value": "blue"}


@pytest.fixture
def model() -> Model:
    provider = Provider.objects.create(name="p", dialect="openai_chat", base_url="https://example.com/v1")
    return Model.objects.create(provider=provider, name="m")


@pytest.fixture
def route(model: Model) -> Route:
    """A route that a model answers, and that yields."""
    route = Route.objects.create(name="cheap", yields=True)
    Candidate.objects.create(route=route, model=model)
    return route


def _rule(name: str, route: Route, *conditions: Any, **more: Any) -> Rule:
    return Rule.objects.create(name=name, conditions=list(conditions), route=route, **more)


def _why(rule: Rule) -> str:
    return Unreachable().rule(rule)


def test_a_rule_after_one_that_holds_for_the_same_requests(route: Route) -> None:
    first = _rule("first", route, LONG, priority=9)
    narrower = _rule("narrower", route, BASH, LONG)
    other = _rule("other", route, BASH)
    assert _why(narrower) == (
        "The rule first holds for the same requests and is tested first: this rule decides only for client keys that "
        "may not use the route cheap."
    )
    assert [_why(rule) for rule in (first, other)] == ["", ""]
    # Not where the earlier one is off, its route is, it comes later, or it is of another team.
    for change in ({"enabled": False}, {"priority": -1}, {"team": Team.objects.create(name="Blue")}):
        Rule.objects.filter(pk=first.pk).update(enabled=True, priority=9, team=None)
        Rule.objects.filter(pk=first.pk).update(**change)
        assert _why(narrower) == "", change
    Rule.objects.filter(pk=first.pk).update(enabled=True, priority=9, team=None)
    assert _why(narrower)
    elsewhere = Route.objects.create(name="off", enabled=False)
    Rule.objects.filter(pk=first.pk).update(route=elsewhere)
    assert _why(narrower) == ""


def test_a_rule_of_a_team_is_covered_by_those_of_every_team_and_of_its_own(route: Route) -> None:
    blue, red = (Team.objects.create(name=name) for name in ("Blue", "Red"))
    _rule("of blue", route, LONG, team=blue, priority=9)
    assert _why(_rule("also of blue", route, LONG, team=blue))
    assert _why(_rule("of red", route, LONG, team=red)) == ""
    assert _why(_rule("of all", route, LONG)) == ""
    _rule("all", route, LONG, priority=5)
    assert "The rule all holds" in _why(Rule.objects.get(name="of red"))
    # The one that is tested first is named.
    assert "The rule of blue holds" in _why(Rule.objects.get(name="also of blue"))


@pytest.mark.parametrize(
    ("earlier", "later", "covered"),
    [
        (("any", [LONG, BASH]), ("all", [BASH, BLUE]), True),
        (("any", [LONG, BASH]), ("all", [BLUE]), False),
        (("any", [LONG, BASH, BLUE]), ("any", [BASH, BLUE]), True),
        (("any", [LONG, BASH]), ("any", [BASH, BLUE]), False),
        (("all", [LONG]), ("any", [LONG, BASH]), False),
        (("all", [LONG]), ("any", [LONG]), True),
        (("all", []), ("any", [LONG, BASH]), True),
        (("all", [LONG, BASH]), ("all", [LONG]), False),
        (("all", [LONG, BASH]), ("all", []), False),
    ],
)
def test_which_conditions_cover_which(earlier: Any, later: Any, covered: bool, route: Route) -> None:
    _rule("earlier", route, *earlier[1], match=earlier[0], priority=1)
    assert bool(_why(_rule("later", route, *later[1], match=later[0]))) is covered


def test_a_rule_for_the_name_of_a_route_that_does_not_yield(route: Route) -> None:
    firm = Route.objects.create(name="claude-opus")

    def named(*names: str) -> dict[str, Any]:
        value: Any = list(names) if len(names) > 1 else names[0]
        return {"field": "model", "operator": "in" if len(names) > 1 else "is", "value": value}

    text = _why(_rule("by name", route, LONG, named("claude-opus")))
    assert text.startswith("Requests that name claude-opus get that route at once, since it does not yield to rules")
    assert _why(_rule("by names", route, named("claude-opus", "gpt-x"))) == ""
    assert _why(_rule("of a name that yields", route, named("cheap"))) == ""
    assert _why(_rule("with any", route, LONG, named("claude-opus"), match="any")) == ""
    Route.objects.filter(pk=firm.pk).update(yields=True)
    assert _why(Rule.objects.get(name="by name")) == ""


def test_an_alias_after_one_that_matches_all_of_its_names(route: Route) -> None:
    wide = Alias.objects.create(pattern="gpt-*", target="nowhere", position=0)
    narrow = Alias.objects.create(pattern="GPT-4*", target="cheap", position=1)
    other = Alias.objects.create(pattern="*-4o", target="cheap", position=2)
    # An alias that leads nowhere passes names on.
    assert Unreachable().alias(narrow) == ""
    Alias.objects.filter(pk=wide.pk).update(target="cheap")
    assert "The alias gpt-* matches the same names" in Unreachable().alias(narrow)
    assert Unreachable().alias(other) == ""
    Alias.objects.filter(pk=wide.pk).update(position=7)
    assert Unreachable().alias(narrow) == ""


def test_an_alias_called_as_a_route_that_is_switched_off(route: Route, settings: Any) -> None:
    Route.objects.create(name="off", enabled=False)
    alias = Alias.objects.create(pattern="off", target="cheap")
    assert "A route is called off" in Unreachable().alias(alias)
    settings.DISABLED_ROUTES = "default"
    assert Unreachable().alias(alias) == ""


def test_a_concept_whose_route_nothing_answers(route: Route) -> None:
    concept = Concept.objects.create(name="sql", route=route)
    assert Unreachable().concept(concept) == ""
    Candidate.objects.update(enabled=False)
    assert "no candidate that is switched on" in Unreachable().concept(concept)


def test_a_rule_of_a_scenario_that_has_a_route_for_one_team(route: Route) -> None:
    blue, red = (Team.objects.create(name=name) for name in ("Blue", "Red"))
    ScenarioRoute.objects.create(scenario="think", team=blue, route=route)
    rules = {
        team: Rule.objects.create(name=str(team), team=team, scenario="think", conditions=[LONG], priority=1)
        for team in (None, blue, red)
    }
    assert [bool(_why(rule)) for rule in rules.values()] == [False, False, True]
    # Of the rule of every team the others pass on.
    assert _why(_rule("later", route, LONG)) == ""


def test_what_comes_after_a_rule_that_always_holds(route: Route) -> None:
    blue = Team.objects.create(name="Blue")
    concept = Concept.objects.create(name="sql", route=route)
    rows = [ScenarioRoute.objects.create(scenario="think", route=route, team=team) for team in (None, blue)]

    def whys() -> list[bool]:
        found = Unreachable()
        return [bool(text) for text in (found.concept(concept), *(found.scenario(row) for row in rows))]

    rule = _rule("always", route, team=blue)
    assert whys() == [False, False, True]
    Rule.objects.filter(pk=rule.pk).update(team=None)
    assert whys() == [True, True, True]
    # A rule that leads to the scenario uses its route.
    Rule.objects.create(name="to it", scenario="think", priority=2, conditions=[LONG])
    assert whys() == [True, False, False]
    Rule.objects.filter(pk=rule.pk).update(enabled=False)
    assert whys() == [False, False, False]


def test_all_rules_are_asked_about_with_a_few_queries(route: Route) -> None:
    Rule.objects.bulk_create(
        Rule(name=f"{number:04}", route=route, conditions=[LONG | {"value": number}]) for number in range(300)
    )
    unreachable = Unreachable()
    with CaptureQueriesContext(connection) as queries:
        assert {unreachable.rule(rule) for rule in Rule.objects.all()} == {""}
    assert len(queries) <= 6

"""What routes, rules and the rest do, in words: who answers in which order, and what has no effect."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from access.models import Team
from providers.models import Model, Provider
from routing.admin import sentences
from routing.models import Alias, Candidate, Concept, Route, Rule, ScenarioRoute
from tests.admin.pages import form_of, links_of, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def route() -> Route:
    """Three candidates: a, b of twice the weight, and c, which is switched off."""
    provider = Provider.objects.create(name="p", dialect="openai_chat", base_url="https://example.com")
    route = Route.objects.create(name="fast")
    for position, (name, weight) in enumerate((("a", 1), ("b", 3), ("c", 1))):
        model = Model.objects.create(provider=provider, name=name)
        Candidate.objects.create(
            route=route, model=model, position=position, weight=weight, enabled=name != "c"
        )  # fmt: skip
    return route


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "fast is answered by p: a; if that fails, by p: b."),
        ({"order": "weighted"}, "fast is answered by one of p: a (25%) and p: b (75%); if that fails, by another."),
        ({"order": "cheapest", "sticky": True}, "fast is answered by the cheapest of p: a and p: b; if that fails, by "
         "the next. A session stays with one of them."),
        ({"attempts": 1}, "After 1 attempt the request fails."),
        ({"retries": 2, "deadline": 90}, "Each is retried 2 times before the next. All together have 90 seconds."),
        ({"hedges": True, "continues": True}, "gets the next beside it. An answer that breaks off is continued by"),
        ({"is_default": True, "yields": True}, "Every name that no route has leads here, too. Rules, scenarios"),
        ({"enabled": False}, "The route is switched off"),
    ],
)  # fmt: skip
def test_a_route_says_who_answers(route: Route, fields: dict[str, Any], says: str) -> None:
    for name, value in fields.items():
        setattr(route, name, value)
    assert says in sentences.of_route(route)


def test_a_route_without_anybody_says_so(route: Route) -> None:
    Model.objects.exclude(name="a").delete()
    assert sentences.of_route(route) == "fast is answered by p: a; if that fails, the request fails."
    Provider.objects.update(enabled=False)
    assert sentences.of_route(route) == "Nothing answers: all of its candidates are switched off."
    Model.objects.all().delete()
    assert sentences.of_route(route) == sentences.NOTHING_ANSWERS


def test_what_leads_to_a_route_says_when(route: Route) -> None:
    team = Team.objects.create(name="red")
    always = Rule.objects.create(name="always", route=route, priority=5)
    assert sentences.of_rule(always) == "All requests of every team go to the route fast."
    conditions = [{"field": "tokens", "operator": "at_least", "value": 60000}]
    long = Rule.objects.create(name="long", team=team, scenario="long_context", conditions=conditions)
    assert sentences.of_rule(long) == (
        "Requests of the team red go to the route of the scenario long context when tokens at least 60,000. "
        "1 rule is tested before it."
    )
    # Of equal priorities the name decides.
    assert sentences.of_rule(Rule(name="b", route=route, priority=5)).endswith("1 rule is tested before it.")
    assert "before it" not in sentences.of_rule(Rule(name="a", route=route, priority=5))
    assert sentences.of_alias(Alias(pattern="gpt-*", target="fast")) == (
        "Clients that ask for any name like gpt-* get fast."
    )
    scenario = ScenarioRoute(scenario="long_context", route=route)
    assert sentences.of_scenario(scenario) == (
        "When the prompt has 60,000 tokens or more, requests of every team without a route of its own go to the route "
        "fast."
    )
    concept = Concept(name="sql", synonyms="database, query", route=route)
    assert sentences.of_concept(concept) == (
        "When the user writes “sql” or “database” or “query”, the request goes to the route fast."
    )


def test_a_route_saved_with_no_candidate_says_so_and_where_to_add_one(admin_client: Client) -> None:
    add = reverse("admin:routing_route_add")
    page = admin_client.post(add, {**form_of(admin_client.get(add)), "name": "empty"}, follow=True)
    assert sentences.NOTHING_ANSWERS in text_of(page)
    change = reverse("admin:routing_route_change", args=[Route.objects.get().pk])
    assert links_of(page)["add a candidate"] == f"{change}#candidates-group"


def test_the_sentence_is_about_the_row_as_it_is_stored(admin_client: Client, route: Route) -> None:
    change = reverse("admin:routing_route_change", args=[route.pk])
    entered = {**form_of(admin_client.get(change)), "name": "quick", "attempts": "none"}
    page = admin_client.post(change, entered)
    assert page.context["errors"]
    assert page.context["adminform"].form["name"].value() == "quick"
    assert page.context["sentence"].startswith("fast is answered by")
    assert "quick" not in links_of(page)["Explain a request"]


def test_a_saved_route_leads_on_to_where_it_is_tried_and_reached(admin_client: Client, route: Route) -> None:
    change = reverse("admin:routing_route_change", args=[route.pk])
    page = admin_client.get(change)
    assert "fast is answered by p: a; if that fails, by p: b." in text_of(page)
    html = page.content.decode()
    assert html.index('id="candidates-group"') < html.index('name="order"') < html.index('name="notes"')
    saved = admin_client.post(change, form_of(page), follow=True)
    links = links_of(saved)
    explained = admin_client.get(links["explain a request"])
    assert '"model": "fast"' in explained.context["form"]["body"].value()
    rule = admin_client.get(links["make a rule that leads here"])
    assert str(rule.context["adminform"].form["route"].value()) == str(route.pk)

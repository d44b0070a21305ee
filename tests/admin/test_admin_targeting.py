"""What leads to a route in the admin: aliases, scenarios, rules and concepts, with errors beside their fields."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from access.models import ClientKey, Team
from providers.models import Model, Provider
from routing.models import Alias, Concept, Route, Rule, ScenarioRoute
from tests.admin.pages import errors_of, form_of, links_of, staff, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def route() -> Route:
    return Route.objects.create(name="fast")


@pytest.fixture
def model() -> Model:
    provider = Provider.objects.create(name="OpenRouter", dialect="openai_chat", base_url="https://example.com")
    return Model.objects.create(provider=provider, name="anthropic/claude:beta")


def _send(browser: Client, page: str, row: Any = None, **fields: Any) -> Any:
    """Fill in a form as a person would and send it."""
    name = f"admin:routing_{page}_add" if row is None else f"admin:routing_{page}_change"
    url = reverse(name, args=[] if row is None else [row.pk])
    return browser.post(url, {**form_of(browser.get(url)), **fields}, follow=True)


def _list(browser: Client, page: str) -> str:
    return text_of(browser.get(reverse(f"admin:routing_{page}_changelist")))


CONDITIONS = [
    {"field": "tokens", "operator": "at_least", "value": 60000},
    {"field": "tools", "operator": "has", "value": ["Bash", "Edit"]},
    {"field": "images", "operator": "is", "value": False},
    {"field": "time", "operator": "in", "value": "22:00-06:00"},
    {"field": "header.x-project", "operator": "is", "value": "blue"},
]


# --- rules -----------------------------------------------------------------------------------------------------------
def test_a_rule_is_made_and_its_list_says_it_in_words(admin_client: Client, route: Route) -> None:
    team = Team.objects.create(name="red")
    _send(
        admin_client, "rule", name="long", priority=7, team=team.pk, conditions=json.dumps(CONDITIONS), route=route.pk
    )
    rule = Rule.objects.get()
    assert (rule.conditions, rule.priority, rule.team, rule.route, rule.enabled) == (CONDITIONS, 7, team, route, True)
    text = _list(admin_client, "rule")
    assert (
        "tokens at least 60,000 and tools include Bash or Edit and no images and time is between 22:00 and 06:00 "
        "and header.x-project is blue" in text
    )
    assert "red" in text


def test_a_rule_without_conditions_holds_always(admin_client: Client, route: Route) -> None:
    _send(admin_client, "rule", name="all", conditions="", route=route.pk)
    assert Rule.objects.get().conditions == []
    assert "always" in _list(admin_client, "rule")


@pytest.mark.parametrize(
    ("conditions", "says"),
    [
        ("tokens > 5", "This is not JSON"),
        ('{"field": "tokens"}', "Write a list such as"),
        ('[{"field": "gone", "operator": "is", "value": 1}]', "There is no field 'gone'"),
        (
            json.dumps([CONDITIONS[0], {"field": "tokens", "operator": "is", "value": "many"}]),
            "Condition 2: tokens needs a number",
        ),
    ],
)
def test_an_invalid_condition_is_reported_at_its_field_and_stays_as_typed(
    admin_client: Client, route: Route, conditions: str, says: str
) -> None:
    response = _send(admin_client, "rule", name="r", conditions=conditions, route=route.pk)
    errors = errors_of(response)
    assert list(errors) == ["conditions"]
    assert says in errors["conditions"][0]
    assert "".join(form_of(response)["conditions"].split()) == "".join(conditions.split())


def test_a_rule_leads_to_a_route_or_to_a_scenario_and_not_to_both(admin_client: Client, route: Route) -> None:
    assert list(errors_of(_send(admin_client, "rule", name="r"))) == ["route"]
    assert list(errors_of(_send(admin_client, "rule", name="r", route=route.pk, scenario="think"))) == ["scenario"]
    assert "has no route yet" in text_of(_send(admin_client, "rule", name="r", scenario="think"))
    ScenarioRoute.objects.create(scenario="think", route=route)
    assert "has no route yet" not in text_of(_send(admin_client, "rule", name="s", scenario="think"))


def test_rules_are_switched_off_together(admin_client: Client, route: Route) -> None:
    rules = [Rule.objects.create(name=name, route=route) for name in ("a", "b")]
    url = reverse("admin:routing_rule_changelist")
    admin_client.post(url, {"action": "switch_off", "_selected_action": [rule.pk for rule in rules]})
    assert not Rule.objects.filter(enabled=True).exists()


# --- aliases ---------------------------------------------------------------------------------------------------------
def test_a_new_alias_is_looked_at_last_and_its_target_is_spelled_as_the_model_is(
    admin_client: Client, route: Route, model: Model
) -> None:
    assert "no effect" not in text_of(_send(admin_client, "alias", pattern="gpt-*", target="fast"))
    _send(admin_client, "alias", pattern="*opus*", target="openrouter, anthropic/claude:beta")
    found = list(Alias.objects.values_list("pattern", "target", "position"))
    assert found == [("gpt-*", "fast", 0), ("*opus*", "OpenRouter:anthropic/claude:beta", 1)]
    assert "missing" not in _list(admin_client, "alias")


@pytest.mark.parametrize(
    ("pattern", "target", "says"),
    [
        ("gpt-*", "gone", "There is no route or model gone yet"),
        ("gpt-*", "OpenRouter:gone", "There is no route or model OpenRouter:gone yet"),
        ("fast", "OpenRouter:anthropic/claude:beta", "routes come first: this alias has no effect"),
        ("GPT-*", "fast", "matches the same names and comes first"),
    ],
)
def test_an_alias_that_does_nothing_is_saved_and_says_so(
    admin_client: Client, route: Route, model: Model, pattern: str, target: str, says: str
) -> None:
    if pattern == "GPT-*":
        Alias.objects.create(pattern="gpt-*", target="fast")
    response = _send(admin_client, "alias", pattern=pattern, target=target)
    assert says in text_of(response)
    assert Alias.objects.filter(pattern=pattern).exists()
    assert ("(missing or switched off)" in _list(admin_client, "alias")) is (target.endswith("gone"))


def test_the_form_of_an_alias_offers_routes_and_models(admin_client: Client, route: Route, model: Model) -> None:
    page = admin_client.get(reverse("admin:routing_alias_add")).content.decode()
    assert '<option value="fast">' in page
    assert '<option value="OpenRouter:anthropic/claude:beta">' in page


# --- scenarios and concepts ------------------------------------------------------------------------------------------
def test_a_scenario_has_one_route_a_team(admin_client: Client, route: Route) -> None:
    team = Team.objects.create(name="red")
    _send(admin_client, "scenarioroute", scenario="think", route=route.pk)
    _send(admin_client, "scenarioroute", scenario="think", route=route.pk, team=team.pk)
    assert ScenarioRoute.objects.count() == 2
    for whose, says in (
        ("", "Every team already has the route fast for think"),
        (team.pk, "The team red already has the route fast"),
    ):
        errors = errors_of(_send(admin_client, "scenarioroute", scenario="think", route=route.pk, team=whose))
        assert says in errors["scenario"][0]


def test_only_long_context_has_a_threshold(admin_client: Client, route: Route) -> None:
    errors = errors_of(_send(admin_client, "scenarioroute", scenario="think", route=route.pk, threshold=10))
    assert list(errors) == ["threshold"]
    _send(admin_client, "scenarioroute", scenario="long_context", route=route.pk, threshold=100000)
    _send(admin_client, "scenarioroute", scenario="image", route=route.pk)
    text = _list(admin_client, "scenarioroute")
    assert "100,000 tokens" in text
    # As they are looked at.
    assert text.index("image: there is") < text.index("long context: the prompt")


def test_what_leads_to_a_route_that_is_off_says_so(admin_client: Client) -> None:
    off = Route.objects.create(name="asleep", enabled=False)
    advice = "The route asleep is switched off"
    assert advice in text_of(_send(admin_client, "rule", name="r", route=off.pk))
    assert advice in text_of(_send(admin_client, "scenarioroute", scenario="image", route=off.pk))
    assert advice in text_of(_send(admin_client, "concept", name="quick", route=off.pk))
    assert advice in text_of(_send(admin_client, "alias", pattern="a", target="asleep"))
    for page in ("rule", "scenarioroute", "concept"):
        assert "asleep (switched off)" in _list(admin_client, page)


def test_a_concept_shows_its_words(admin_client: Client, route: Route) -> None:
    _send(admin_client, "concept", name="low_cost", synonyms="Cheap,  slow  &\nquiet", route=route.pk, priority=80)
    assert "low cost, cheap, slow &, quiet" in _list(admin_client, "concept")
    assert list(errors_of(_send(admin_client, "concept", name="__", route=route.pk))) == ["name"]
    assert list(errors_of(_send(admin_client, "concept", name="x", route=route.pk, priority=101))) == ["priority"]


# --- routes and keys -------------------------------------------------------------------------------------------------
def test_a_route_says_what_leads_to_it(admin_client: Client, route: Route) -> None:
    Alias.objects.create(pattern="a", target="fast")
    Rule.objects.create(name="r", route=route)
    Rule.objects.create(name="s", route=route)
    Concept.objects.create(name="c", route=route)
    for url in (
        reverse("admin:routing_route_changelist"),
        reverse("admin:routing_route_change", args=[route.pk]),
    ):
        links = links_of(admin_client.get(url))
        assert {"1 alias", "2 rules", "1 concept"} <= set(links)
        for label in ("1 alias", "2 rules", "1 concept"):
            assert admin_client.get(f"/admin/routing/{links[label].split('/routing/')[1]}").status_code == 200


def test_a_route_keeps_how_its_candidates_are_tried(admin_client: Client, route: Route) -> None:
    _send(
        admin_client, "route", route, yields="on", order="cheapest", sticky="on", attempts=2, retries=1, deadline=90,
        continues="on", hedges="on", answers_as="real",
    )  # fmt: skip
    route.refresh_from_db()
    assert (route.yields, route.order, route.sticky, route.attempts, route.retries) == (True, "cheapest", True, 2, 1)
    assert (route.deadline, route.continues, route.hedges, route.answers_as) == (90, True, True, "real")


def test_a_keys_page_takes_tags_and_whether_it_sees_routing(admin_client: Client) -> None:
    team = Team.objects.create(name="red")
    url = reverse("admin:access_clientkey_add")
    data = {
        **form_of(admin_client.get(url)),
        "team": team.pk,
        "name": "ci",
        "tags": "ci,  night,ci",
        "shows_routing": "on",
    }
    data |= {"client_tags": "project-*,x", "client_tags_count": "on"}
    assert admin_client.post(url, data).status_code == 200
    key = ClientKey.objects.get()
    assert (key.tags, key.client_tags, key.client_tags_count) == ("ci, night", "project-*, x", True)
    assert key.shows_routing


@pytest.mark.parametrize("page", ["rule", "alias", "scenarioroute", "concept"])
def test_who_may_not_look_does_not(page: str) -> None:
    assert staff("routing.view_route").get(reverse(f"admin:routing_{page}_changelist")).status_code == 403
    assert staff(f"routing.view_{page}").get(reverse(f"admin:routing_{page}_changelist")).status_code == 200


def test_lists_ask_the_database_no_more_for_more_rows(
    admin_client: Client, route: Route, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        Rule.objects.create(name=f"r{number}", route=route, team=Team.objects.create(name=f"t{number}"))
        Alias.objects.create(pattern=f"a{number}", target="fast", position=number)
        Concept.objects.create(name=f"c{number}", route=route)
    for page in ("rule", "alias", "concept", "route"):
        with django_assert_max_num_queries(12):
            admin_client.get(reverse(f"admin:routing_{page}_changelist"))

"""The page: the phases in their order, what each holds, how often it matched, and for whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from access.models import Team
from providers.models import Model, Provider
from routing.models import Alias, Candidate, Concept, Route, Rule, ScenarioRoute
from routing.phases import PHASES
from tests.admin.history import request_row
from tests.admin.pages import links_of, staff, text_of
from usage.models import RequestLog
from usage.reports.decisions import decisions

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

URL = "/admin/console/routing/"


@pytest.fixture
def route() -> Route:
    provider = Provider.objects.create(name="p", dialect="openai_chat", base_url="https://example.com/v1")
    route = Route.objects.create(name="cheap", is_default=True)
    Candidate.objects.create(route=route, model=Model.objects.create(provider=provider, name="m"))
    return route


def _page(browser: Client) -> Any:
    page = browser.get(URL)
    assert page.status_code == 200
    return page


def _items(page: Any) -> dict[str, Any]:
    """The rows of all phases by name; of several with one name the last."""
    parts = [part for phase in page.context["phases"] for part in phase.parts]
    return {f"{item.kind} {item.name} {item.note}".strip(): item for part in parts for item in part.items}


def _row(phase: str, rule: str, **more: Any) -> None:
    request_row(phase=phase, rule=rule, **more)


def test_phases_stand_in_the_order_in_which_they_decide(admin_client: Client, route: Route) -> None:
    page = _page(admin_client)
    assert [phase.name for phase in page.context["phases"]] == [name for name, _ in PHASES]
    assert "What can never match Nothing" in text_of(page)
    empty = _page(admin_client)
    assert "There was no request in the last 7 days" in text_of(empty)


def test_each_thing_stands_in_words_with_links_and_how_often_it_matched(admin_client: Client, route: Route) -> None:
    blue = Team.objects.create(name="Blue")
    Alias.objects.create(pattern="gpt-*", target="cheap")
    rule = Rule.objects.create(
        name="Long", route=route, conditions=[{"field": "tokens", "operator": "at_least", "value": 1000}]
    )
    Rule.objects.create(name="Off", route=route, enabled=False)
    for team in (None, blue):
        ScenarioRoute.objects.create(scenario="think", route=route, team=team)
    Concept.objects.create(name="sql", synonyms="database", route=route)
    for phase, name, more in (
        ("name", "cheap", {"request_model": "cheap"}),
        ("name", "cheap", {"request_model": "gpt-4o-20261021"}),
        ("name", "p:m", {"request_model": "p:m"}),
        ("rules", "Long", {}), ("rules", "Long", {}),
        ("scenarios", "think", {"team_id": blue.pk}), ("scenarios", "think", {"team_id": blue.pk + 1}),
        ("scenarios", "think", {"team_id": blue.pk + 1}),
        ("default_route", "cheap", {}), ("", "", {}),
        ("concepts", "sql", {"started_at": timezone.now() - timedelta(days=8)}),
    ):  # fmt: skip
        _row(phase, name, **more)
    page = _page(admin_client)
    found = _items(page)
    assert {name: item.requests for name, item in found.items()} == {
        "alias gpt-*": 1, "rule Long": 2, "rule Off": 0, "scenario think": 2, "scenario think team Blue": 1,
        "concept sql": 0, "route cheap": 1,
    }  # fmt: skip
    assert [(phase.name, phase.requests) for phase in page.context["phases"] if phase.requests] == [
        ("name", 3), ("rules", 2), ("scenarios", 3), ("default_route", 1),
    ]  # fmt: skip
    assert (found["rule Long"].words, found["rule Long"].target) == ("tokens at least 1,000", "cheap")
    assert (found["rule Off"].is_off, found["rule Long"].is_off) == (True, False)
    text, links = text_of(page), links_of(page)
    assert "all 10 requests of the last 7 days" in text
    assert "For 1 request no phase chose" in text
    assert "1 named one model at its provider" in text
    assert links["Long"] == reverse("admin:routing_rule_change", args=[rule.pk])
    # The number leads to exactly these requests.
    rows = admin_client.get(found["rule Long"].rows_url)
    assert len(rows.context["rows"]) == 2
    of_blue = admin_client.get(found["scenario think team Blue"].rows_url)
    assert len(of_blue.context["rows"]) == 1


def test_what_can_never_match_stands_first(admin_client: Client, route: Route) -> None:
    always = Rule.objects.create(name="Always", route=route, priority=2)
    late = Rule.objects.create(name="Late", route=route, priority=1)
    Rule.objects.create(name="Later, but off", route=route, enabled=False)
    Alias.objects.create(pattern="x", target="nowhere")
    page = _page(admin_client)
    assert [(item.kind, item.name) for item in page.context["never"]] == [("alias", "x"), ("rule", "Late")]
    assert links_of(page)["Late"] == reverse("admin:routing_rule_change", args=[late.pk])
    assert "The rule Always holds for the same requests" in text_of(page)
    always.delete()
    assert [item.name for item in _page(admin_client).context["never"]] == ["x"]


def test_of_many_requests_the_newest_are_read(route: Route) -> None:
    now = timezone.now()
    for minutes in range(30):
        _row("rules", f"of {minutes // 10}", started_at=now - timedelta(minutes=minutes))
    found = decisions(now - timedelta(days=7), most=12)
    assert (found.is_cut, found.since) == (True, now - timedelta(minutes=11))
    assert {one.rule: one.requests for one in found.matched} == {"of 0": 10, "of 1": 2}
    everything = decisions(now - timedelta(days=7), most=31)
    assert (everything.is_cut, sum(one.requests for one in everything.matched)) == (False, RequestLog.objects.count())


def test_a_reader_sees_what_they_may_see(route: Route) -> None:
    Rule.objects.create(name="Long", route=route)
    Concept.objects.create(name="sql", route=route)
    _row("rules", "Long")
    assert staff("routing.view_rule", "usage.view_requestlog").get(URL).status_code == 403
    found = _items(_page(staff("routing.view_route", "routing.view_rule")))
    assert (found["rule Long"].requests, found["rule Long"].rows_url) == (None, "")
    assert not any(name.startswith("concept") for name in found)
    assert (
        _items(_page(staff("routing.view_route", "routing.view_rule", "usage.view_requestlog")))["rule Long"].requests
        == 1
    )
    assert "Order of decisions" in text_of(staff("routing.view_route").get("/admin/"))
    assert "Order of decisions" not in text_of(staff("routing.view_rule").get("/admin/"))


def test_hundreds_of_rules_and_routes_are_few_queries(admin_client: Client, route: Route) -> None:
    Route.objects.bulk_create(Route(name=f"r{number:04}") for number in range(200))
    conditions = [[{"field": "tokens", "operator": "at_least", "value": number}] for number in range(200)]
    Rule.objects.bulk_create(
        Rule(name=f"{number:04}", route=route, conditions=each) for number, each in enumerate(conditions)
    )
    with CaptureQueriesContext(connection) as queries:
        page = _page(admin_client)
    assert len(queries) <= 22, [query["sql"][:120] for query in queries]
    (rules,) = (phase.parts[0] for phase in page.context["phases"] if phase.name == "rules")
    assert (len(rules.items), rules.rest) == (50, 150)
    assert links_of(page)["150 more rules"] == reverse("admin:routing_rule_changelist")

"""The pages that lead to the playground, and what it shows to whom."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from access.models import ClientKey, Membership, Team
from access.roles.table import Role
from routing.models import Route, Rule
from tests.permissions.people import a_key, person, signed_in

pytestmark = pytest.mark.django_db
PLAYGROUND = "/admin/console/playground/"


@pytest.fixture
def route() -> Route:
    """A route whose name has to be quoted in an address."""
    return Route.objects.create(name="fast & good")


@pytest.fixture
def owner() -> Client:
    """The browser of an owner."""
    return signed_in(person(Role.OWNER))


def test_a_route_a_rule_and_a_key_lead_to_it_with_the_model_filled_in(route: Route, owner: Client) -> None:
    rule = Rule.objects.create(name="r", route=route, conditions=[])
    key = a_key("Search")
    pages = {
        reverse("admin:routing_route_change", args=[route.pk]): "?model=fast%20%26%20good",
        reverse("admin:routing_rule_change", args=[rule.pk]): "?model=fast%20%26%20good",
        reverse("admin:access_clientkey_change", args=[key.pk]): f"?model=fast%20%26%20good&amp;team={key.team_id}",
    }
    auditor = signed_in(person(Role.AUDITOR))
    for page, query in pages.items():
        assert f'href="{PLAYGROUND}{query}"' in owner.get(page).text
        assert PLAYGROUND not in auditor.get(page).text
    page = owner.get(f"{PLAYGROUND}?model=fast%20%26%20good&team={key.team_id}").text
    assert 'value="fast &amp; good"' in page


def test_an_explanation_leads_to_it(route: Route, owner: Client) -> None:
    body = '{"model": "fast & good", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}'
    page = owner.post(reverse("console:explain"), {"body": body, "output": "1"}).text
    assert f'href="{PLAYGROUND}?model=fast%20%26%20good"' in page


def test_what_a_link_names_is_text(owner: Client) -> None:
    Team.objects.create(name="Search")
    page = owner.get(PLAYGROUND, {"model": '"><script>alert(1)</script>', "second": "\0x", "team": "1;2"}).text
    assert "<script>alert" not in page


def test_only_routes_that_one_may_use_are_offered() -> None:
    for name in ("cheap-1", "dear-1"):
        Route.objects.create(name=name)
    member = person(Role.MEMBER)
    browser = signed_in(member)
    assert "dear-1" in browser.get("/my/playground/").text
    ClientKey.objects.filter(pk=a_key("Search", member).pk).update(allowed_routes="cheap-*")
    page = browser.get("/my/playground/").text
    assert "cheap-1" in page
    assert "dear-1" not in page
    assert "dear-1" in browser.get("/my/playground/?model=dear-1").text


def test_who_is_in_no_team_reads_what_to_do() -> None:
    lonely = User.objects.create_user("lonely")
    browser = signed_in(lonely)
    assert "Ask a lead of your team" in browser.get("/my/playground/").text
    assert browser.post("/my/playground/token/", {"team": ""}).status_code == 403
    off = Team.objects.create(name="Off", enabled=False)
    Membership.objects.create(team=off, user=lonely)
    assert browser.post("/my/playground/token/", {"team": off.pk}).status_code == 403


def test_many_teams_cost_no_query_each(owner: Client, route: Route, django_assert_max_num_queries: Any) -> None:
    Team.objects.bulk_create(Team(name=f"t{number}") for number in range(60))
    with django_assert_max_num_queries(30):
        page = owner.get(PLAYGROUND)
    assert len(page.context["teams"]) == 60
    assert [one.name for one in page.context["routes"]] == [route.name]

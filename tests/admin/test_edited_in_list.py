"""Rows are switched on and off in their list, in the audit and without undoing others; a row can be duplicated."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from access.models import AuditEntry
from providers.models import Model, Provider
from routing.models import Alias, Candidate, Concept, Route, Rule, ScenarioRoute
from tests.admin.pages import form_of, links_of, staff
from tests.admin.providers.conftest import rows_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows() -> dict[str, Any]:
    """A row of each list, by its name."""
    provider = Provider.objects.create(name="p", dialect="openai_chat", base_url="https://example.com/v1")
    route = Route.objects.create(name="fast", is_default=True, retries=2)
    for position, name in enumerate("ab"):
        model = Model.objects.create(provider=provider, name=name)
        Candidate.objects.create(route=route, model=model, position=position, weight=position + 3)
    return {
        "providers_provider": provider,
        "routing_route": route,
        "routing_alias": Alias.objects.create(pattern="gpt-*", target="fast"),
        "routing_rule": Rule.objects.create(name="rule", route=route, priority=3),
        "routing_scenarioroute": ScenarioRoute.objects.create(scenario="think", route=route),
        "routing_concept": Concept.objects.create(name="sql", route=route),
    }


NAMES = ["providers_provider", *(f"routing_{row}" for row in ("route", "alias", "rule", "scenarioroute", "concept"))]


def _list(name: str) -> str:
    return reverse(f"admin:{name}_changelist")


@pytest.mark.parametrize("name", NAMES)
def test_a_row_is_switched_off_in_its_list(admin_client: Client, rows: dict[str, Any], name: str) -> None:
    row = rows[name]
    sent = rows_of(admin_client.get(_list(name)))
    assert sent.pop("form-0-enabled") == "on"
    # Somebody else's change of another field, while the list is open.
    field = next(one for one in ("base_url", "notes", "target", "threshold", "synonyms", "match") if hasattr(row, one))
    value = {"threshold": 7, "match": "any", "base_url": "https://example.com/v2"}.get(field, "changed")
    type(row).objects.update(**{field: value})
    since = AuditEntry.objects.count()
    assert admin_client.post(_list(name), sent).status_code == 302
    row.refresh_from_db()
    assert (row.enabled, getattr(row, field)) == (False, value)
    entries = AuditEntry.objects.filter(number__gt=since)
    assert [(entry.action, entry.object_type) for entry in entries] == [("changed", name.replace("_", "."))]
    assert '"enabled"' in entries[0].changes
    # A list that was opened before switches nothing back on.
    assert admin_client.post(_list(name), {**sent, "form-0-enabled": "on"}).status_code == 302
    row.refresh_from_db()
    assert not row.enabled


def test_who_may_only_look_switches_nothing(rows: dict[str, Any]) -> None:
    page = staff("routing.view_rule").get(_list("routing_rule"))
    assert page.context["cl"].formset is None


def test_a_provider_that_could_not_be_saved_can_be_switched_off(admin_client: Client, rows: dict[str, Any]) -> None:
    Provider.objects.update(platform="gone", base_url="http://127.0.0.1:9")
    sent = rows_of(admin_client.get(_list("providers_provider")))
    del sent["form-0-enabled"]
    assert admin_client.post(_list("providers_provider"), sent).status_code == 302
    assert not Provider.objects.get().enabled


def test_a_route_is_duplicated_with_its_candidates(admin_client: Client, rows: dict[str, Any]) -> None:
    change = reverse("admin:routing_route_change", args=[rows["routing_route"].pk])
    copy = links_of(admin_client.get(change))["Duplicate"]
    assert admin_client.post(copy, form_of(admin_client.get(copy))).status_code == 302
    made = Route.objects.get(name="fast-2")
    assert (made.retries, made.is_default) == (2, False)
    assert [(one.model.name, one.weight) for one in made.candidates.all()] == [("a", 3), ("b", 4)]


@pytest.mark.parametrize(("name", "field"), [("rule", "name"), ("alias", "pattern"), ("concept", "name")])
def test_what_leads_to_a_route_is_duplicated(admin_client: Client, rows: dict[str, Any], name: str, field: str) -> None:
    row = rows[f"routing_{name}"]
    copy = links_of(admin_client.get(reverse(f"admin:routing_{name}_change", args=[row.pk])))["Duplicate"]
    assert admin_client.post(copy, form_of(admin_client.get(copy))).status_code == 302
    made = type(row).objects.latest("pk")
    assert getattr(made, field) == f"{getattr(row, field)}-2"
    assert getattr(made, "route", None) == getattr(row, "route", None)


def test_what_may_not_be_seen_is_not_copied(rows: dict[str, Any]) -> None:
    url = f"{reverse('admin:routing_route_add')}?copy={rows['routing_route'].pk}"
    data = form_of(staff("routing.add_route", "routing.add_candidate").get(url))
    assert data["name"] == ""
    assert data["candidates-TOTAL_FORMS"] == 1

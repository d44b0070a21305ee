"""Routes and their candidates in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from providers.models import Model, Provider
from routing.models import Candidate, Route
from tests.admin.pages import errors_of, form_of, text_of

pytestmark = pytest.mark.django_db

ADD = "/admin/routing/route/add/"


@pytest.fixture
def models() -> list[Model]:
    provider = Provider.objects.create(name="p", dialect="openai_chat", base_url="https://example.com")
    return [Model.objects.create(provider=provider, name=name) for name in ("first", "second", "third")]


def _candidates(data: dict[str, Any], *rows: tuple[Model, int]) -> dict[str, Any]:
    # Before the empty row of a new route.
    start = int(data["candidates-INITIAL_FORMS"])
    for number, (model, position) in enumerate(rows, start):
        row = {"model": model.pk, "weight": 1, "enabled": "on", "position": position}
        data |= {f"candidates-{number}-{name}": value for name, value in row.items()}
    return {**data, "candidates-TOTAL_FORMS": start + len(rows)}


def _order(route: Route) -> list[str]:
    return [candidate.model.name for candidate in route.candidates.all()]


def _change(route: Route) -> str:
    return reverse("admin:routing_route_change", args=[route.pk])


def test_candidates_keep_the_order_they_were_given(admin_client: Client, models: list[Model]) -> None:
    data = _candidates(form_of(admin_client.get(ADD)), (models[0], 2), (models[1], 0), (models[2], 1))
    assert admin_client.post(ADD, {**data, "name": "r"}).status_code == 302
    assert _order(Route.objects.get()) == ["second", "third", "first"]


def test_a_candidate_that_is_added_and_not_dragged_comes_last(admin_client: Client, models: list[Model]) -> None:
    data = _candidates(form_of(admin_client.get(ADD)), (models[0], 0), (models[1], 0))
    admin_client.post(ADD, {**data, "name": "r"})
    route = Route.objects.get()
    assert _order(route) == ["first", "second"]
    data = _candidates(form_of(admin_client.get(_change(route))), (models[2], 0))
    assert admin_client.post(_change(route), data).status_code == 302
    assert _order(route) == ["first", "second", "third"]


def test_a_candidate_that_is_dragged_to_the_front_is_tried_first(admin_client: Client, models: list[Model]) -> None:
    route = Route.objects.create(name="r")
    for position, model in enumerate(models[:2]):
        Candidate.objects.create(route=route, model=model, position=position)
    data = _candidates(form_of(admin_client.get(_change(route))), (models[2], 0))
    data |= {"candidates-0-position": 1, "candidates-1-position": 2}
    assert admin_client.post(_change(route), data).status_code == 302
    assert _order(route) == ["third", "first", "second"]


def test_the_same_model_twice_is_reported_at_the_second(admin_client: Client, models: list[Model]) -> None:
    data = _candidates(form_of(admin_client.get(ADD)), (models[0], 0), (models[0], 1))
    errors = errors_of(admin_client.post(ADD, {**data, "name": "r"}))
    assert list(errors) == ["candidates-1-model"]
    assert "twice" in errors["candidates-1-model"][0]


def test_a_second_default_is_reported_at_its_field_with_the_name_of_the_first(admin_client: Client) -> None:
    first = Route.objects.create(name="first", is_default=True)
    data = {**form_of(admin_client.get(ADD)), "name": "second", "is_default": "on"}
    errors = errors_of(admin_client.post(ADD, data))
    assert errors == {"is_default": ["first is the default route already: switch it off there first."]}
    assert admin_client.post(_change(first), form_of(admin_client.get(_change(first)))).status_code == 302


@pytest.mark.parametrize(("name", "says"), [("two words", "no spaces"), ("taken", "Another route has this name")])
def test_invalid_names_are_reported_at_their_field(admin_client: Client, name: str, says: str) -> None:
    Route.objects.create(name="taken")
    errors = errors_of(admin_client.post(ADD, {**form_of(admin_client.get(ADD)), "name": name}))
    assert list(errors) == ["name"]
    assert says in errors["name"][0]


def test_the_list_shows_who_answers_in_order(
    admin_client: Client, models: list[Model], django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        route = Route.objects.create(name=f"r{number}")
        Candidate.objects.create(route=route, model=models[1], position=0)
        Candidate.objects.create(route=route, model=models[0], position=1)
    Route.objects.create(name="empty")
    with django_assert_max_num_queries(10):
        text = text_of(admin_client.get(reverse("admin:routing_route_changelist")))
    assert "1. p: second 2. p: first" in text
    assert "every request fails until a candidate is added" in text

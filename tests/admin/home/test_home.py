"""The admin's home: figures of a range linked to their rows, failures, budgets, notices, and the first steps."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from access.models import Budget, Team
from providers.models import Model, Provider
from routing.loading import store
from routing.models import Candidate, Route
from tests.admin.history import request_row
from tests.admin.pages import links_of, staff, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

HOME = "/admin/"


def _figures(response: Any) -> dict[str, tuple[str, str, str]]:
    return {one.title: (one.text, one.change, one.note) for one in response.context["figures"]}


def test_the_figures_of_thirty_days_beside_those_before(admin_client: Client, usage: Any) -> None:
    assert _figures(admin_client.get(f"{HOME}?range=30d")) == {
        "Cost": ("$1.50", "+50 %", ""),
        "Requests": ("5", "+400 %", ""),
        "Error rate": ("40.0 %", "", "1 failed, 1 refused"),
        "First token": ("298 ms", "", "p95 895 ms"),
        "Tokens": ("20.1k", "2,873 times as much", "0.0 % of the input read from cache"),
        "Streams now": ("—", "", "Counted by the workers of the gateway; this page runs in a process of its own."),
    }
    assert _figures(admin_client.get(HOME))["Requests"] == ("3", "", "")


def test_answers_without_a_price_lead_to_their_rows(admin_client: Client) -> None:
    request_row(model_name="unpriced")
    request_row(model_name="priced", cost=1)
    cost = admin_client.get(HOME).context["figures"][0]
    assert cost.note == "1 without a price"
    assert len(admin_client.get(cost.note_url).context["rows"]) == 1


@pytest.mark.parametrize("group", ["model", "team", "provider", "key"])
def test_each_line_of_the_chart_leads_to_its_rows(group: str, admin_client: Client, usage: Any) -> None:
    chart = admin_client.get(f"{HOME}?range=30d&metric=requests&group={group}").context["chart"]
    assert [row["total"] for row in chart["rows"]] == ["3", "2"]
    for row in chart["rows"]:
        assert len(admin_client.get(row["url"]).context["rows"]) == int(row["total"])
    assert admin_client.get(chart["explorer"]).status_code == 200


def test_the_chart_stacks_each_day_by_its_group(admin_client: Client, usage: Any) -> None:
    body = admin_client.get(f"{HOME}?range=30d&metric=tokens&group=team").content.decode()
    (data,) = [json.loads(value.replace("&quot;", '"')) for value in re.findall(r'data-value="([^"]*)"', body)]
    assert {one["label"]: (one["data"][-1], one["data"][-11]) for one in data["datasets"]} == {
        "Mobile": (None, 20_000), "Search": (110, None),
    }  # fmt: skip
    assert len(data["labels"]) == 30


def test_the_dearest_teams_have_their_budgets(admin_client: Client, usage: Any) -> None:
    Budget.objects.create(team=usage["search"], amount=4, period="month")
    text = text_of(admin_client.get(HOME))
    assert "Search $1.00" in text
    assert "of $4.00" in text


def test_providers_show_each_half_hour(admin_client: Client, usage: Any) -> None:
    (provider,) = admin_client.get(HOME).context["providers"]
    assert (provider["name"], provider["requests"], provider["failed"], provider["p95"]) == ("p", "3", "1", "298 ms")
    assert [square["state"] for square in provider["squares"]] == ["none"] * 47 + ["some"]


def test_a_range_that_cannot_be_read_says_what_to_write(admin_client: Client, usage: Any) -> None:
    response = admin_client.get(f"{HOME}?from=soon")
    assert response.status_code == 400
    assert "Write a day such as" in text_of(response)


def test_today_begins_at_midnight_of_time_zone(admin_client: Client, settings: Any) -> None:
    # Of these two one is always on another day than UTC is.
    for name in ("Pacific/Kiritimati", "Etc/GMT+12"):
        settings.TIME_ZONE = name
        midnight = datetime.now(ZoneInfo(name)).replace(hour=0, minute=0, second=0, microsecond=0)
        request_row(started_at=midnight, team_name=name)
        request_row(started_at=midnight - timedelta(seconds=1))
        url = admin_client.get(f"{HOME}?range=today").context["figures"][1].url
        moments = [row.started_at for row in admin_client.get(url).context["rows"]]
        assert midnight in moments
        assert midnight - timedelta(seconds=1) not in moments


def test_without_the_permission_there_are_no_figures(usage: Any) -> None:
    response = staff("access.view_team").get(HOME)
    assert response.status_code == 200
    assert "figures" not in response.context
    assert "Error rate" not in text_of(response)
    assert "Ask an administrator" in text_of(response)


def test_warnings_say_what_to_do(admin_client: Client, settings: Any) -> None:
    settings.ENCRYPTION_KEYS = []
    text = text_of(admin_client.get(HOME))
    assert "ENCRYPTION_KEYS is empty" in text
    assert "generate_key" in text
    assert "No provider is enabled" in text
    Provider.objects.create(name="p", dialect="anthropic", base_url="https://example.com")
    assert "No provider is enabled" not in text_of(admin_client.get(HOME))


def test_a_demo_in_use_is_noted_and_a_disabled_one_is_not(admin_client: Client) -> None:
    demo = Provider.objects.create(name="d", dialect="anthropic", base_url="http://127.0.0.1:1", is_demo=True)
    route = Route.objects.create(name="r")
    Candidate.objects.create(route=route, model=Model.objects.create(provider=demo, name="m"))
    # The guide says what to do about it, and says it once.
    response = admin_client.get(HOME)
    assert "The demo upstream is in use" not in text_of(response)
    assert "Until then the built-in demo answers" in text_of(response)
    assert links_of(response)["Add a provider"] == "/admin/providers/provider/add/"
    admin_client.post("/admin/console/guide/hide/")
    response = admin_client.get(HOME)
    assert "The demo upstream is in use: its routes" in text_of(response)
    assert links_of(response)["Add a provider"] == "/admin/providers/provider/add/"
    Provider.objects.create(name="own", dialect="anthropic", base_url="https://example.com")
    response = admin_client.get(HOME)
    assert "The demo upstream is in use beside your own providers" in text_of(response)
    assert links_of(response)["The demo's provider"] == f"/admin/providers/provider/{demo.pk}/change/"
    Provider.objects.update(enabled=False)
    assert "The demo upstream is in use" not in text_of(admin_client.get(HOME))


def test_a_broken_configuration_is_noted_with_the_time_of_the_one_in_use(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    loaded = datetime.now(ZoneInfo("Europe/Berlin")).replace(hour=9, minute=5)
    status = store.Status(loaded_at=loaded.timestamp(), error="provider p: no such dialect")
    monkeypatch.setattr(store, "status", lambda: status)
    assert (
        "The saved configuration is broken: provider p: no such dialect. The configuration of 09:05 is still in use."
        in text_of(admin_client.get(HOME))
    )
    assert "configuration broken" in text_of(admin_client.get("/admin/routing/route/"))
    monkeypatch.setattr(store, "status", lambda: store.Status())
    assert "is broken" not in text_of(admin_client.get(HOME))


def test_names_cannot_smuggle_markup_into_the_page(admin_client: Client) -> None:
    evil = "<script>alert(1)</script>"
    team = Team.objects.create(name=evil)
    request_row(team_id=team.pk, team_name=evil, model_name=evil, provider_name="p", client=evil, request_model=evil)
    for url in (HOME, "/admin/usage/requestlog/", "/admin/console/explorer/"):
        assert evil not in admin_client.get(url).content.decode()


def test_the_sidebar_shows_what_one_may_see() -> None:
    links = links_of(staff("usage.view_requestlog").get(HOME))
    assert any("Explorer" in label for label in links)
    assert not any("Client keys" in label for label in links)

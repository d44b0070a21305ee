"""The admin's home: today's and the month's figures linked to their rows, notices, and the first steps."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from uuid_utils.compat import uuid7

from access.models import Team
from providers.models import Model, Provider
from routing.loading import store
from routing.models import Candidate, Route
from tests.admin.history import attempt_row, request_row
from tests.admin.pages import links_of, staff, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

HOME = "/admin/"


@pytest.fixture
def usage() -> dict[str, Any]:
    """Rows of today, of ten days ago and of long ago, of two teams and two models."""
    search, mobile = Team.objects.create(name="Search"), Team.objects.create(name="Mobile")
    now = timezone.now()
    one = {"provider_name": "p", "model_name": "m", "team_id": search.pk, "team_name": "Search"}
    two = {"provider_name": "q", "model_name": "n", "team_id": mobile.pk, "team_name": "Mobile"}
    rows = [
        (now, {**one, "input_tokens": 100, "output_tokens": 10, "cost": 10**12, "time_to_first_token_ms": 300}),
        (now, {**one, "outcome": "failed"}),
        (now, {**one, "outcome": "client_closed"}),
        (now - timedelta(days=10), {**two, "input_tokens": 20_000, "cost": 5 * 10**11, "time_to_first_token_ms": 900}),
        (now - timedelta(days=10), {**two, "outcome": "refused"}),
        (now - timedelta(days=40), {**two, "input_tokens": 7}),
    ]
    for started_at, fields in rows:
        request_row(started_at=started_at, **fields)
    # Of the failed request the other provider had a part.
    parts: list[tuple[datetime, str, dict[str, Any]]] = [
        (now, "p", {"cost": 10**12, "input_tokens": 100, "output_tokens": 10}),
        (now, "p", {"outcome": "failed", "cost": 3 * 10**11}),
        (now, "q", {"cost": 2 * 10**11}),
        (now - timedelta(days=40), "q", {}),
    ]
    for started_at, provider, attempted in parts:
        attempt_row(uuid7(), started_at=started_at, provider_name=provider, **attempted)
    return {"search": search, "mobile": mobile}


def _figures(response: Any) -> dict[str, tuple[str, str]]:
    return {card.title: (card.today.text, card.month.text) for row in response.context["cards"] for card in row}


def test_the_figures_of_today_and_of_thirty_days(admin_client: Client, usage: Any) -> None:
    assert _figures(admin_client.get(HOME)) == {
        "Requests": ("3", "5"),
        "Errors": ("1", "2"),
        "Cost": ("$1.00", "$1.50"),
        "First token, p50": ("300 ms", "300 ms"),
        "First token, p95": ("300 ms", "900 ms"),
        "Input tokens": ("100", "20.1k"),
        "Cache read tokens": ("—", "—"),
        "Cache write tokens": ("—", "—"),
        "Output tokens": ("10", "10"),
    }


def test_every_figure_leads_to_exactly_its_rows(admin_client: Client, usage: Any) -> None:
    response = admin_client.get(HOME)
    expected = {
        "Requests": (3, 5),
        "Errors": (1, 2),
        "Cost": (1, 2),
        "First token, p95": (1, 2),
        "Input tokens": (1, 2),
    }
    cards = {card.title: card for row in response.context["cards"] for card in row}
    body = response.content.decode()
    for title, counts in expected.items():
        for figure, number in zip((cards[title].today, cards[title].month), counts, strict=True):
            assert figure.url.replace("&", "&amp;") in body
            assert len(admin_client.get(figure.url).context["rows"]) == number, (title, figure.url)


def test_each_line_of_model_and_team_leads_to_its_rows(admin_client: Client, usage: Any) -> None:
    for panel in admin_client.get(HOME).context["panels"][:2]:
        assert [row["series"].line.totals.requests for row in panel["rows"]] == [3, 2]
        for row in panel["rows"]:
            listed = admin_client.get(row["url"]).context["rows"]
            assert len(listed) == row["series"].line.totals.requests


def test_each_provider_has_what_its_own_attempts_cost(admin_client: Client, usage: Any) -> None:
    response = admin_client.get(HOME)
    panel = response.context["panels"][2]
    found = [
        (row["series"].name, row["series"].line.totals.requests, row["series"].line.totals.cost)
        for row in panel["rows"]
    ]
    assert found == [("p", 2, Decimal("1.3")), ("q", 1, Decimal("0.2"))]
    for row in panel["rows"]:
        listed = admin_client.get(row["url"]).context["rows"]
        assert len(listed) == row["series"].line.totals.requests
    assert "Attempts by provider" in text_of(response)
    assert "Days are those of UTC" in text_of(response)


def test_the_charts_stack_each_day_by_model_and_by_team(admin_client: Client, usage: Any) -> None:
    body = admin_client.get(HOME + "?by=tokens").content.decode()
    charts = [json.loads(value.replace("&quot;", '"')) for value in re.findall(r'data-value="([^"]*)"', body)]
    found = [{d["label"]: (d["data"][-1], d["data"][-11]) for d in chart["datasets"]} for chart in charts]
    assert found == [
        {"q: n": (0.0, 20_000), "p: m": (110, 0.0)},
        {"Mobile": (0.0, 20_000), "Search": (110, 0.0)},
        {"p": (110, 0.0), "q": (0.0, 0.0)},
    ]
    assert all(len(chart["labels"]) == 30 for chart in charts)


def test_today_begins_at_midnight_of_time_zone(admin_client: Client, settings: Any) -> None:
    # Of these two one is always on another day than UTC is.
    for name in ("Pacific/Kiritimati", "Etc/GMT+12"):
        settings.TIME_ZONE = name
        midnight = datetime.now(ZoneInfo(name)).replace(hour=0, minute=0, second=0, microsecond=0)
        request_row(started_at=midnight, team_name=name)
        request_row(started_at=midnight - timedelta(seconds=1))
        url = next(card for card in admin_client.get(HOME).context["cards"][0] if card.title == "Requests").today.url
        moments = [row.started_at for row in admin_client.get(url).context["rows"]]
        assert midnight in moments
        assert midnight - timedelta(seconds=1) not in moments


def test_without_the_permission_there_are_no_figures(usage: Any) -> None:
    response = staff("access.view_team").get(HOME)
    assert response.status_code == 200
    assert "cards" not in response.context
    assert "20.1k" not in text_of(response)
    assert "Ask an administrator" in text_of(response)


def test_first_steps_replace_figures_until_the_first_request(admin_client: Client) -> None:
    response = admin_client.get(HOME)
    text = text_of(response)
    assert "export ANTHROPIC_BASE_URL=http://testserver" in text
    assert "curl -N" in text
    assert [step.done for step in response.context["first_steps"]] == [False] * 4
    provider = Provider.objects.create(name="p", dialect="anthropic", base_url="https://example.com")
    Model.objects.create(provider=provider, name="m")
    assert [step.done for step in admin_client.get(HOME).context["first_steps"]] == [True, True, False, False]
    request_row()
    assert "First steps" not in text_of(admin_client.get(HOME))


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
    response = admin_client.get(HOME)
    assert "The demo upstream is in use" in text_of(response)
    assert links_of(response)["Add a provider"] == "/admin/providers/provider/add/"
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
    for url in (HOME, "/admin/usage/requestlog/", "/admin/console/report/"):
        assert evil not in admin_client.get(url).content.decode()


def test_the_sidebar_shows_what_one_may_see() -> None:
    links = links_of(staff("usage.view_requestlog").get(HOME))
    assert any("Usage report" in label for label in links)
    assert not any("Client keys" in label for label in links)

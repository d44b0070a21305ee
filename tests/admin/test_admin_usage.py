"""Usage rows in the admin: read-only, filtered exactly, with the story of each request."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from providers.models import Provider
from tests.admin.history import at, attempt_row, request_row
from tests.admin.pages import staff, text_of
from usage.admin.filters import ANY, rows_url
from usage.reports.query import Period

pytestmark = pytest.mark.django_db

REQUESTS = "/admin/usage/requestlog/"


def _listed(browser: Client, url: str) -> list[str]:
    response = browser.get(url)
    assert response.status_code == 200, (response.status_code, response.get("Location"))
    return sorted(row.request_id for row in response.context["rows"])


@pytest.mark.parametrize("model", ["requestlog", "attemptlog"])
def test_rows_cannot_be_added_changed_or_deleted_by_anyone(admin_client: Client, model: str) -> None:
    row = request_row()
    identity = row if model == "requestlog" else attempt_row(row)
    page = reverse(f"admin:usage_{model}_change", args=[identity])
    assert admin_client.get(page).status_code == 200
    assert b'name="_save"' not in admin_client.get(page).content
    assert admin_client.post(page, {"outcome": "failed"}).status_code == 403
    assert admin_client.get(reverse(f"admin:usage_{model}_add")).status_code == 403
    assert (
        admin_client.post(reverse(f"admin:usage_{model}_delete", args=[identity]), {"post": "yes"}).status_code == 403
    )


def test_the_lists_need_the_permission_to_view() -> None:
    assert staff().get(REQUESTS).status_code == 403
    assert staff("usage.view_requestlog").get(REQUESTS).status_code == 200


def test_each_filter_gives_exactly_its_rows(admin_client: Client) -> None:
    full = {
        "team_id": 1, "team_name": "t", "key_id": 2, "key_name": "k", "route_id": 3, "route_name": "r",
        "provider_id": 4, "provider_name": "p", "model_id": 5, "model_name": "m", "cost": 0,
    }  # fmt: skip
    request_row(request_id="a", **full)
    request_row(request_id="b", outcome="failed", **{**full, "model_name": "n", "team_id": 9, "cost": None})
    request_row(request_id="c", outcome="refused")
    assert _listed(admin_client, rows_url()) == ["a", "b", "c"]
    assert _listed(admin_client, rows_url(team=1)) == ["a"]
    assert _listed(admin_client, rows_url(team=None)) == ["c"]
    assert _listed(admin_client, rows_url(key=2)) == ["a", "b"]
    assert _listed(admin_client, rows_url(route="r")) == ["a", "b"]
    assert _listed(admin_client, rows_url(provider="p", model="n")) == ["b"]
    assert _listed(admin_client, rows_url(provider="", model="")) == ["c"]
    assert _listed(admin_client, rows_url(outcomes=("failed", "refused"))) == ["b", "c"]
    assert _listed(admin_client, rows_url(known="cost")) == ["a"]
    assert _listed(admin_client, rows_url(model="never seen")) == []


def test_the_days_of_a_filter_are_whole_days_of_time_zone(admin_client: Client, settings: Any) -> None:
    settings.TIME_ZONE = "America/New_York"
    for request_id, moment in (
        ("before", "2026-03-01 04:59"),
        ("first", "2026-03-01 05:00"),
        ("last", "2026-03-03 04:59"),
        ("after", "2026-03-03 05:00"),
    ):
        request_row(request_id=request_id, started_at=at(moment))
    assert _listed(admin_client, rows_url(Period(date(2026, 3, 1), date(2026, 3, 2)))) == ["first", "last"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("started_at_from=yesterday", 400),
        ("started_at_to=9999-12-31", 400),
        ("team=x", 400),
        ("outcome__exact=%00", 200),
        ("model=%00", 200),
    ],
)
def test_nonsense_in_the_address_is_no_server_error(admin_client: Client, query: str, status: int) -> None:
    request_row(request_id="a")
    assert admin_client.get(f"{REQUESTS}?{query}", follow=True).status_code == status


def test_search_finds_a_request_id_or_a_session(admin_client: Client) -> None:
    first, second, _ = (f"req_{request_row(session_id=session).hex}" for session in ("s-1", "s-1", ""))
    assert _listed(admin_client, f"{REQUESTS}?q={second}") == [second]
    assert _listed(admin_client, f"{REQUESTS}?q={second[:-1]}") == []
    assert _listed(admin_client, f"{REQUESTS}?q=s-1") == sorted([first, second])


def test_the_list_counts_no_rows_and_asks_the_same_of_two_and_of_fifty(admin_client: Client) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert admin_client.get(REQUESTS).status_code == 200
        return [query["sql"] for query in captured.captured_queries]

    request_row()
    few = queries()
    for _ in range(60):
        request_row()
    many = queries()
    assert len(many) == len(few)
    assert not [sql for sql in many if "COUNT(" in sql.upper()]
    assert len(admin_client.get(REQUESTS).context["rows"]) == 50


def test_a_requests_page_tells_its_decision_and_its_attempts_in_order(admin_client: Client) -> None:
    began = timezone.now() - timedelta(minutes=1)
    decision = {
        "reasons": [["alias", "asked for a known name"]],
        "attempts": ["p: m", "q: n"],
        "dropped": [["x: y", "off"]],
        "scenario": "long_context",
        "facts": {"input_estimate": 81234, "thinks": True, "tags": ["ci", "night"]},
    }
    row = request_row(started_at=began, duration_ms=2000, attempts=2, decision=decision, cost=1_500_000_000_000)
    attempt_row(
        row, 2, started_at=began + timedelta(milliseconds=500), duration_ms=1500, provider_name="q", model_name="n",
        reported_model="n-2026-11-01", service_tier="flex", region="eu",
    )  # fmt: skip
    attempt_row(
        row, 1, started_at=began, duration_ms=500, outcome="failed", http_status=529, error_type="overloaded",
        provider_name="p", model_name="m", reported_model="m",
    )  # fmt: skip
    response = admin_client.get(reverse("admin:usage_requestlog_change", args=[row]))
    text = text_of(response)
    assert text.index("HTTP 529 overloaded") < text.index("after 500 ms")
    assert "left: 25.00%; width: max(2px, 75.00%)" in response.content.decode()
    assert all(word in text for word in ("asked for a known name", "p: m", "x: y: off", "$1.50"))
    assert "scenario long context" in text
    assert "n reported as n-2026-11-01, q" in text
    assert text.count("reported as") == 1
    assert "input estimate 81,234 thinks yes tags ci, night" in text


def test_a_request_that_called_nobody_says_so(admin_client: Client) -> None:
    row = request_row(outcome="refused", http_status=404)
    assert "No provider was called" in text_of(admin_client.get(reverse("admin:usage_requestlog_change", args=[row])))


def test_an_attempt_leads_to_its_request(admin_client: Client) -> None:
    row = request_row()
    attempt = attempt_row(row, reported_model="m-1", service_tier="flex", region="eu")
    page = text_of(admin_client.get(reverse("admin:usage_attemptlog_change", args=[attempt])))
    assert all(word in page for word in ("m-1", "flex", "eu"))
    url = reverse("admin:usage_requestlog_change", args=[row])
    assert urlsplit(url).path in admin_client.get("/admin/usage/attemptlog/").content.decode()


def test_rows_of_the_demo_are_marked(admin_client: Client) -> None:
    demo = Provider.objects.create(name="d", dialect="openai_chat", base_url="http://127.0.0.1:1/v1", is_demo=True)
    request_row(provider_id=demo.pk, provider_name="d", model_name="m")
    request_row(provider_id=demo.pk + 1, provider_name="e", model_name="m")
    assert admin_client.get(REQUESTS).content.decode().count("The built-in demo upstream") == 1


@pytest.mark.both_databases
def test_rows_are_found_by_what_was_lost(admin_client: Client) -> None:
    request_row(request_id="a", fidelity=["thinking_dropped", "tool_renamed"])
    request_row(request_id="b", fidelity=["tool_renamed"])
    request_row(request_id="c", fidelity=[])
    request_row(request_id="d")
    assert _listed(admin_client, rows_url(fidelity="tool_renamed")) == ["a", "b"]
    assert _listed(admin_client, rows_url(fidelity="thinking_dropped")) == ["a"]
    assert _listed(admin_client, rows_url(fidelity="tool")) == []
    assert _listed(admin_client, rows_url(fidelity="tool%")) == []
    assert _listed(admin_client, rows_url(fidelity=ANY)) == ["a", "b"]
    assert "tool renamed" in text_of(admin_client.get(f"{REQUESTS}choices/?of=fidelity"))


def test_pages_explain_what_was_lost(admin_client: Client) -> None:
    row = request_row(attempts=2, fidelity=["tool_renamed"])
    first = attempt_row(row, 1, outcome="failed", fidelity=["thinking_dropped"])
    attempt_row(row, 2, fidelity=["tool_renamed", "<b>from a later version</b>"])
    page = admin_client.get(reverse("admin:usage_requestlog_change", args=[row]))
    text = text_of(page)
    assert text.index("Earlier thinking was left out") < text.rindex("A tool was sent under another name")
    assert b"<b>from a later version</b>" not in page.content
    text = text_of(admin_client.get(reverse("admin:usage_attemptlog_change", args=[first])))
    assert "Earlier thinking was left out" in text
    assert "A tool was sent under another name" not in text

"""Every number of home leads to exactly the rows that it counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.admin.history import request_row
from tests.admin.pages import staff
from usage.reports import pulse

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

HOME = "/admin/"


def _listed(browser: Client, url: str) -> list[Any]:
    return list(browser.get(url).context["rows"])


@pytest.mark.parametrize(("range_name", "at"), [("24h", 0), ("30d", 1)])
def test_every_figure_leads_to_exactly_its_rows(range_name: str, at: int, admin_client: Client, usage: Any) -> None:
    expected = {"Requests": (3, 5), "Error rate": (1, 2), "Cost": (1, 2), "First token": (1, 2), "Tokens": (1, 2)}
    response = admin_client.get(f"{HOME}?range={range_name}")
    linked = {figure.title: figure.url for figure in response.context["figures"] if figure.url}
    assert linked.keys() == expected.keys()
    for title, url in linked.items():
        assert url.replace("&", "&amp;") in response.content.decode()
        assert len(_listed(admin_client, url)) == expected[title][at], (title, url)


def test_each_failure_leads_to_its_rows_alone(admin_client: Client, usage: Any) -> None:
    limit = {"outcome": "refused", "http_status": 429, "error_type": "rate_limit_error"}
    # A limit by several reasons, one without a code, one without anything, and one code with two statuses.
    reasons: list[tuple[int, dict[str, Any]]] = [
        (5, {**limit, "sentence_code": "key_requests"}),
        (4, {**limit, "sentence_code": "team_requests"}),
        (3, limit),
        (2, {"outcome": "refused"}),
        (2, {"outcome": "failed", "sentence_code": "provider_error", "provider_name": "p", "http_status": 500}),
        (1, {"outcome": "failed", "sentence_code": "provider_error", "provider_name": "p", "http_status": 502}),
        (1, {"outcome": "failed", "sentence_code": "provider_error", "http_status": 500}),
    ]
    for number, fields in reasons:
        for _ in range(number):
            request_row(**fields)
    shown = admin_client.get(HOME).context["failures"]
    rows = {(row["reason"], row["provider"]): (row["count"], row["status"]) for row in shown["rows"]}
    assert rows == {
        ("key requests", ""): ("5", 429),
        ("team requests", ""): ("4", 429),
        ("rate limit error", ""): ("3", 429),
        ("provider error", "p"): ("3", ""),
        ("Refused", ""): ("2", ""),
        ("provider error", ""): ("1", 500),
    }
    assert shown["more"] == 1
    for row in shown["rows"]:
        assert len(_listed(admin_client, row["url"])) == int(row["count"]), row


def test_a_provider_leads_to_the_requests_that_it_ended_in_the_24_hours(admin_client: Client) -> None:
    since, until = pulse.day_until(timezone.now())
    second = timedelta(seconds=1)
    for moment in (since - second, since, since + timedelta(hours=7), until - timedelta(minutes=30)):
        request_row(started_at=moment, provider_name="p", time_to_first_token_ms=100)
    request_row(started_at=since - timedelta(minutes=20), provider_name="p", time_to_first_token_ms=60_000)
    request_row(provider_name="q")
    shown = {one["name"]: one for one in admin_client.get(HOME).context["providers"]}
    assert {name: one["requests"] for name, one in shown.items()} == {"p": "3", "q": "1"}
    assert shown["p"]["p95"] == pulse_text(100)
    for one in shown.values():
        assert len(_listed(admin_client, one["url"])) == int(one["requests"]), one["url"]


def pulse_text(milliseconds: int) -> str:
    """What home shows of one time: that of the bin which holds it."""
    since = datetime(2026, 3, 1, tzinfo=UTC)
    request_row(started_at=since, provider_name="one", time_to_first_token_ms=milliseconds)
    (found,) = pulse.providers(*pulse.day_until(since + timedelta(minutes=5)))
    return f"{found.p95} ms"


def test_first_tokens_of_many_quarter_hours_are_one_percentile(admin_client: Client) -> None:
    since, _ = pulse.day_until(timezone.now())
    for number in range(20):
        # Two of these histograms are the same twenty times, the others are not.
        moment = since + timedelta(minutes=15 * number)
        for first in (100, 100, 200 + 50 * (number % 3)):
            request_row(started_at=moment, provider_name="p", model_name=f"m{first}", time_to_first_token_ms=first)
    (one,) = pulse.providers(*pulse.day_until(timezone.now()))
    assert one.requests == 60
    assert one.p95 == pytest.approx(300, rel=0.05)


def test_who_sees_no_attempts_can_follow_every_link(usage: Any) -> None:
    browser = staff("usage.view_requestlog")
    context = browser.get(HOME).context
    urls = [one.url for one in context["figures"] if one.url]
    urls += [row["url"] for row in (*context["failures"]["rows"], *context["providers"])]
    assert {browser.get(url).status_code for url in urls} == {200}


@pytest.mark.parametrize("days", [2, 30, 61, 63, 400, 20_000])
def test_a_spark_line_has_few_points_and_all_requests(days: int) -> None:
    until = timezone.now() + timedelta(minutes=1)
    since = until - timedelta(days=days)
    for moment in (timedelta(minutes=3), timedelta(days=1, hours=2), timedelta(days=1.9)):
        request_row(started_at=until - moment)
    points = pulse.pulse(since, until, (since - timedelta(days=1), since)).points
    assert 2 <= len(points) <= pulse.MOST_DAYS
    assert sum(point.of["total_requests"] or 0 for point in points) == 3


def test_the_exact_figures_have_their_units(admin_client: Client, usage: Any) -> None:
    full = {figure.title: figure.full for figure in admin_client.get(HOME).context["figures"]}
    assert full["Cost"] == "$1: cost"
    assert full["Requests"] == "3: requests"
    assert full["Error rate"] == "33.3 %: error rate"
    assert full["First token"] == "298 ms: first token, p50"
    assert full["Tokens"] == "110: tokens"

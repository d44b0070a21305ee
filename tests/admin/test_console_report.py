"""The usage report as a page and as a CSV file."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.test import Client
from django.utils import timezone

from access.models import Team
from proxysite.console import csv_file, usage_report
from tests.admin.history import at, request_row
from tests.admin.pages import staff, text_of
from usage.reports.spreadsheet import cell
from usage.reports.totals import Line, Totals

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

PAGE, CSV = "/admin/console/report/", "/admin/console/report.csv"
MARCH = "?first=2026-03-01&last=2026-03-31"


@pytest.fixture
def teams() -> list[Team]:
    """Two teams with rows in March."""
    teams = [Team.objects.create(name="Search"), Team.objects.create(name="Mobile")]
    for team, day, model, fields in (
        (0, "05", "m", {"input_tokens": 10, "cost": 1}),
        (0, "05", "m", {"input_tokens": 5, "cost": 123_456_789_012}),
        (0, "06", "n", {"outcome": "failed"}),
        (1, "05", "m", {"input_tokens": 7, "cache_read_tokens": 3}),
    ):
        request_row(
            started_at=at(f"2026-03-{day} 12:00"), team_id=teams[team].pk, team_name=teams[team].name,
            provider_name="p", model_name=model, **fields,
        )  # fmt: skip
    return teams


def _csv(browser: Client, query: str) -> list[dict[str, str]]:
    response: Any = browser.get(CSV + query)
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


def test_lines_and_totals_for_each_day_team_and_model(admin_client: Client, teams: list[Team]) -> None:
    response = admin_client.get(PAGE + MARCH)
    lines = [row["line"] for row in response.context["rows"]]
    assert [(str(x.day), x.team_name, x.model_name, x.totals.requests) for x in lines] == [
        ("2026-03-06", "Search", "n", 1),
        ("2026-03-05", "Mobile", "m", 1),
        ("2026-03-05", "Search", "m", 2),
    ]
    totals = response.context["totals"]
    assert (totals.requests, totals.errors, totals.input, totals.cost) == (4, 1, 22, Decimal("0.123456789013"))


def test_each_number_leads_to_its_rows(admin_client: Client, teams: list[Team]) -> None:
    response = admin_client.get(PAGE + MARCH)
    for row in response.context["rows"]:
        assert len(admin_client.get(row["url"]).context["rows"]) == row["line"].totals.requests
        assert len(admin_client.get(row["errors_url"]).context["rows"]) == row["line"].totals.errors
    assert len(admin_client.get(response.context["totals_url"]).context["rows"]) == 4


def test_filters_narrow_lines_totals_and_file(admin_client: Client, teams: list[Team]) -> None:
    query = f"{MARCH}&team={teams[0].pk}&model=p: m"
    response = admin_client.get(PAGE + query)
    assert response.context["totals"].requests == 2
    assert len(admin_client.get(response.context["totals_url"]).context["rows"]) == 2
    assert [row["team"] for row in _csv(admin_client, query)] == ["Search"]


def test_the_file_has_exact_amounts_and_leaves_the_unknown_empty(admin_client: Client, teams: list[Team]) -> None:
    rows = _csv(admin_client, MARCH)
    assert [row["cost_usd"] for row in rows] == ["", "", "0.123456789013"]
    mobile = next(row for row in rows if row["team"] == "Mobile")
    assert mobile == {
        "day": "2026-03-05", "team_id": str(teams[1].pk), "team": "Mobile", "provider": "p", "model": "m",
        "requests": "1", "errors": "0", "input_tokens": "7", "cache_read_tokens": "3", "cache_write_tokens": "",
        "output_tokens": "", "cost_usd": "",
    }  # fmt: skip
    response = admin_client.get(CSV + MARCH)
    assert response.streaming
    assert response["Content-Disposition"] == 'attachment; filename="usage-2026-03-01-2026-03-31.csv"'


def test_the_file_is_read_as_it_is_sent() -> None:
    asked: list[int] = []

    def lines() -> Any:
        for number in range(1000):
            asked.append(number)
            yield Line(Totals(requests=1), team_name="t")

    blocks = usage_report.csv_blocks(lines())
    assert next(blocks).startswith(b"day,")
    assert len(asked) < 1000
    assert sum(block.count(b"\r\n") for block in blocks) == 1000 - csv_file.BLOCK


@pytest.mark.django_db(transaction=True)
def test_under_asgi_the_file_streams_too(admin_user: Any, teams: list[Team]) -> None:
    scope = {"type": "http", "method": "GET", "path": CSV, "query_string": MARCH[1:].encode(), "headers": []}
    request = ASGIRequest(scope, io.BytesIO())
    request.user = admin_user
    response = usage_report.export(request)
    assert response.is_async  # type: ignore[union-attr]

    async def read() -> bytes:
        try:
            return b"".join([block async for block in response])  # type: ignore[union-attr]
        finally:
            # What the handler does at the end of a request, in the thread that the database was asked in.
            await sync_to_async(connections.close_all)()

    assert asyncio.run(read()).count(b"\r\n") == 4


@pytest.mark.parametrize(
    "begin", ["=", "+", "-", "@", "\t=", "\r=", "\n=", " =", "\u3000=", "\ufeff@", "＝", "＋", "－", "＠"]
)
def test_no_text_begins_a_formula(begin: str) -> None:
    assert cell(f"{begin}1") == f"'{begin}1"
    assert cell(f"red;{begin}1") == f"red;'{begin}1"


@pytest.mark.parametrize("name", ["red", "a=b", "gpt-5", "red; blue", "a@b.example", "", " red", "3-4"])
def test_any_other_name_is_written_as_it_is(name: str) -> None:
    assert cell(name) == name


def test_a_name_that_looks_like_a_formula_is_no_formula(admin_client: Client) -> None:
    request_row(started_at=at("2026-03-05 12:00"), team_id=1, team_name='=HYPERLINK("x")', model_name="@m")
    (row,) = _csv(admin_client, MARCH)
    assert (row["team"], row["model"]) == ('\'=HYPERLINK("x")', "'@m")


def test_without_dates_it_is_the_last_thirty_days(admin_client: Client) -> None:
    request_row(started_at=timezone.now() - timedelta(days=28))
    request_row(started_at=timezone.now() - timedelta(days=31))
    assert admin_client.get(PAGE).context["totals"].requests == 1


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?first=2026-03-05&last=2026-03-04", "at most 400 days"),
        ("?first=2020-01-01&last=2026-03-04", "at most 400 days"),
        ("?first=yesterday", "Enter a valid date"),
        ("?last=9999-12-31&first=9999-12-30", "Choose a year from 2 to 9998"),
        ("?team=77", "77 is not one of the available choices"),
    ],
)
def test_invalid_filters_are_errors(admin_client: Client, query: str, message: str) -> None:
    assert message in text_of(admin_client.get(PAGE + query))
    assert admin_client.get(CSV + query).status_code == 400


def test_many_lines_come_in_pages(admin_client: Client) -> None:
    for number in range(usage_report.PER_PAGE + 1):
        request_row(started_at=at("2026-03-05 12:00"), team_id=number, team_name=f"t{number:03}")
    first, second = admin_client.get(PAGE + MARCH), admin_client.get(f"{PAGE}{MARCH}&page=2")
    assert (len(first.context["rows"]), len(second.context["rows"])) == (usage_report.PER_PAGE, 1)
    assert first.context["totals"].requests == usage_report.PER_PAGE + 1
    assert 'href="?first=2026-03-01&amp;last=2026-03-31&amp;page=2"' in first.content.decode()


@pytest.mark.parametrize("url", [PAGE, CSV])
def test_it_needs_the_permission_to_view_requests(url: str) -> None:
    assert staff().get(url).status_code == 403
    assert staff("usage.view_requestlog").get(url).status_code == 200
    assert Client().get(url).status_code == 302

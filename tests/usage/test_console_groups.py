"""The reports by provider and the like: each attempt at its own provider, days of UTC, links to the rows, CSV."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from uuid_utils.compat import uuid7

from access.tags import OTHERS, set_id
from proxysite.console.usage_report import PER_PAGE
from tests.admin.history import at, attempt_row, request_row
from tests.admin.pages import staff, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

PROVIDERS = "/admin/console/report/providers"
MARCH = "?first=2026-03-01&last=2026-03-31"


@pytest.fixture
def attempts() -> None:
    """A request that the second provider answered, one at the end of a month of UTC, and one of the next."""
    for moment, provider, credential, fields in (
        ("2026-03-05 12:00", "north", "a", {"outcome": "failed", "cost": 2 * 10**12}),
        ("2026-03-05 12:00", "south", "b", {"cost": 3 * 10**12, "output_tokens": 9}),
        ("2026-03-31 23:59", "south", "b", {"cost": 10**12}),
        ("2026-04-01 00:00", "south", "=cmd()", {"cost": 10**12}),
    ):
        attempt_row(
            uuid7(), started_at=at(moment), provider_name=provider, credential_name=credential, model_name="m", **fields
        )


def _lines(browser: Client, address: str) -> list[dict[str, str]]:
    response: Any = browser.get(address)
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


@pytest.mark.usefixtures("attempts")
def test_the_page_adds_attempts_up_by_provider(admin_client: Client, settings: Any) -> None:
    settings.TIME_ZONE = "Pacific/Kiritimati"
    page: Any = admin_client.get(f"{PROVIDERS}/{MARCH}")
    assert [(row["values"], row["cells"][:2], row["cells"][-1]) for row in page.context["rows"]] == [
        (["south", "b", "m"], ["2", "0"], "$4.00"),
        (["north", "a", "m"], ["1", "1"], "$2.00"),
    ]
    assert (page.context["headings"][0], page.context["totals_cells"][0]) == ("Attempts", "3")
    assert "Days are those of UTC" in text_of(page)
    for row in page.context["rows"]:
        listed: Any = admin_client.get(row["url"])
        assert len(listed.context["rows"]) == int(row["cells"][0])


@pytest.mark.usefixtures("attempts")
def test_the_file_has_a_line_for_each_day(admin_client: Client) -> None:
    lines = _lines(admin_client, f"{PROVIDERS}.csv?first=2026-03-01&last=2026-04-30")
    assert list(lines[0]) == [
        "day", "provider", "credential", "model", "attempts", "errors", "input_tokens", "cache_read_tokens",
        "cache_write_tokens", "output_tokens", "cost_usd",
    ]  # fmt: skip
    columns = ("day", "provider", "credential", "attempts", "cost_usd")
    assert [tuple(line[name] for name in columns) for line in lines] == [
        ("2026-04-01", "south", "'=cmd()", "1", "1.000000000000"),
        ("2026-03-31", "south", "b", "1", "1.000000000000"),
        ("2026-03-05", "north", "a", "1", "2.000000000000"),
        ("2026-03-05", "south", "b", "1", "3.000000000000"),
    ]  # fmt: skip


def test_without_days_it_is_about_the_last_thirty_of_utc(admin_client: Client) -> None:
    now = datetime.now(UTC)
    for days in (0, 29, 30):
        attempt_row(uuid7(), started_at=now - timedelta(days=days), provider_name=f"p{days}")
    page: Any = admin_client.get(f"{PROVIDERS}/")
    assert {row["values"][0] for row in page.context["rows"]} == {"p0", "p29"}


def test_who_may_not_see_usage_sees_none_and_wrong_days_are_named(admin_client: Client) -> None:
    for suffix in ("/", ".csv"):
        assert staff("access.view_team").get(f"{PROVIDERS}{suffix}").status_code == 403
        assert admin_client.get(f"/admin/console/report/nothing{suffix}").status_code == 404
    page = admin_client.get(f"{PROVIDERS}/?first=2026-03-02&last=2026-03-01")
    assert "Choose a day on or after the first one" in text_of(page)
    assert admin_client.get(f"{PROVIDERS}.csv?first=2026-03-02&last=2026-03-01").status_code == 400
    listed = admin_client.get("/admin/usage/attemptlog/?utc=nonsense")
    assert "Write days of UTC" in text_of(listed)


@pytest.fixture
def requests() -> None:
    """Requests with and without tags, claims, and sets beyond the bound of a day."""
    tags = ["blue", "=red"]
    for moment, of, tags_id in (
        ("2026-03-05 12:00", [*tags, "claimed:ticket 7"], None),
        ("2026-03-06 12:00", [*tags, "claimed:ticket 7"], None),
        ("2026-03-06 12:00", [], None),
        ("2026-03-06 12:00", ["blue", "claimed:x"], set_id(["blue", OTHERS])),
        ("2026-03-06 12:00", None, None),
    ):
        identity = tags_id or (None if of is None else set_id(sorted(of)))
        request_row(
            started_at=at(moment), team_id=7, team_name="Search", tags=of and sorted(of), tags_id=identity,
            client_name="claude-cli", client_version="2.0", cost=10**12,
        )  # fmt: skip


@pytest.mark.usefixtures("requests")
def test_claims_stand_apart_from_tags(admin_client: Client) -> None:
    page: Any = admin_client.get(f"/admin/console/report/tags/{MARCH}")
    found = {tuple(row["values"]): row["cells"][0] for row in page.context["rows"]}
    assert found == {
        ("Search", "=red, blue", "ticket 7"): "2",
        ("Search", "(no tags)", ""): "1",
        ("Search", "blue", "(all others)"): "1",
        ("Search", "(unknown)", ""): "1",
    }
    assert page.context["totals_cells"][0] == "5"
    assert "Claimed by the client" in text_of(page)
    lines = _lines(admin_client, f"/admin/console/report/tags.csv{MARCH}")
    assert list(lines[0])[:5] == ["day", "team", "tags", "claimed_tags", "requests"]
    assert [line["day"] for line in lines if line["claimed_tags"] == "ticket 7"] == ["2026-03-06", "2026-03-05"]
    assert "'=red, blue" in {line["tags"] for line in lines}


@pytest.mark.usefixtures("requests")
def test_clients_have_a_line_for_each_version(admin_client: Client) -> None:
    page: Any = admin_client.get(f"/admin/console/report/clients/{MARCH}")
    assert [(row["values"], row["cells"][0]) for row in page.context["rows"]] == [
        (["Search", "claude-cli", "2.0"], "5")
    ]
    assert len(_lines(admin_client, f"/admin/console/report/clients.csv{MARCH}")) == 2


@pytest.fixture
def many() -> None:
    """One set of tags more than a page shows, on two days each; the last one is the dearest."""
    for number in range(PER_PAGE + 1):
        tags = [f"tag-{number:03}"]
        for moment in ("2026-03-05 12:00", "2026-03-06 12:00"):
            request_row(started_at=at(moment), tags=tags, tags_id=set_id(tags), cost=number * 10**12)


@pytest.mark.usefixtures("many")
def test_many_lines_come_in_pages_the_dearest_first(admin_client: Client) -> None:
    address = f"/admin/console/report/tags/{MARCH}"
    with CaptureQueriesContext(connection) as captured:
        first: Any = admin_client.get(address)
    asked = [query["sql"] for query in captured if "usage_tagrollup" in query["sql"]]
    second: Any = admin_client.get(f"{address}&page=2")
    assert [row["values"][1] for row in first.context["rows"]] == [f"tag-{n:03}" for n in range(PER_PAGE, 0, -1)]
    assert [row["values"][1] for row in second.context["rows"]] == ["tag-000"]
    for page in (first, second):
        assert (page.context["totals_cells"][0], page.context["totals_cells"][-1]) == ("202", "$10,100.00")
    assert 'href="?first=2026-03-01&amp;last=2026-03-31&amp;page=2"' in first.content.decode()
    # One counts the groups, one reads those of the page, and one adds all up.
    assert len(asked) == 3
    assert all(f"LIMIT {PER_PAGE}" in sql for sql in asked if "ORDER BY" in sql)


@pytest.mark.usefixtures("many")
def test_the_file_is_streamed_in_blocks(admin_client: Client) -> None:
    response: Any = admin_client.get(f"/admin/console/report/tags.csv{MARCH}")
    assert response.streaming
    assert response["Content-Disposition"] == 'attachment; filename="tags-2026-03-01-2026-03-31.csv"'
    blocks = list(response.streaming_content)
    assert len(blocks) == 2
    lines = list(csv.DictReader(io.StringIO(b"".join(blocks).decode())))
    assert [line["day"] for line in lines] == ["2026-03-06"] * (PER_PAGE + 1) + ["2026-03-05"] * (PER_PAGE + 1)
    assert {line["tags"] for line in lines} == {f"tag-{n:03}" for n in range(PER_PAGE + 1)}

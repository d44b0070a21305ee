"""What a list offers around its rows: filters with all their values, chips, search, sessions, the sheet, the file."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from access.models import AuditEntry, Team
from tests.admin.history import at, attempt_row, request_row
from tests.admin.pages import links_of, staff, text_of
from usage.admin.filters import attempts_url, rows_url
from usage.reports.query import Period

pytestmark = pytest.mark.django_db
REQUESTS, ATTEMPTS = "/admin/usage/requestlog/", "/admin/usage/attemptlog/"


def _ids(browser: Client, url: str) -> list[str]:
    page: Any = browser.get(url)
    assert page.status_code == 200
    return [row.request_id for row in page.context["rows"]]


def _choices(browser: Client, query: str, address: str = REQUESTS) -> dict[str, str]:
    return links_of(browser.get(f"{address}choices/?{query}&part=1"))


def test_a_list_is_about_a_range_and_says_which(admin_client: Client) -> None:
    request_row(request_id="new")
    old = request_row(request_id="old", started_at=timezone.now() - timedelta(days=2))
    page: Any = admin_client.get(REQUESTS)
    assert page.status_code == 200
    assert [row.request_id for row in page.context["rows"]] == ["new"]
    assert [one["title"] for one in page.context["ranges"]["choices"] if one["active"]] == ["24 hours"]
    assert _ids(admin_client, f"{REQUESTS}?range=7d") == ["new", "old"]
    # An id is looked for in all time.
    assert _ids(admin_client, f"{REQUESTS}?q=req_{old.hex}") == ["old"]
    wrong = admin_client.get(f"{REQUESTS}?from=yesterday")
    assert (wrong.status_code, "Write a day such as" in text_of(wrong)) == (400, True)


def test_a_filter_offers_every_value_of_the_range_by_the_name_of_today(admin_client: Client) -> None:
    quiet, busy = Team.objects.create(name="Quiet"), Team.objects.create(name="Busy")
    request_row(team_id=quiet.pk, team_name="Quiet of then", started_at=timezone.now() - timedelta(days=20))
    request_row(team_id=busy.pk, team_name="Busy", owner_name="mia", owner_id=7, client_name="curl")
    request_row()
    assert list(_choices(admin_client, "of=team&range=30d")) == ["(none)", "Busy", "Quiet"]
    assert list(_choices(admin_client, "of=team")) == ["(none)", "Busy"]
    assert list(_choices(admin_client, "of=team&range=30d&find=qui")) == ["Quiet"]
    assert list(_choices(admin_client, f"of=team&team={quiet.pk}")) == ["Quiet", "(none)", "Busy"]
    assert "mia" in _choices(admin_client, "of=owner")
    assert "curl" in _choices(admin_client, "of=client")
    link = _choices(admin_client, "of=team&range=30d&outcome__exact=failed")["Quiet"]
    assert link == f"../?range=30d&outcome__exact=failed&team={quiet.pk}"
    assert admin_client.get(f"{REQUESTS}choices/?of=nothing").status_code == 404


def test_attempts_offer_what_attempts_had(admin_client: Client) -> None:
    attempt_row(request_row(provider_name="second"), provider_name="first", credential_name="a", model_name="m")
    assert list(_choices(admin_client, "of=provider", ATTEMPTS)) == ["first"]
    assert list(_choices(admin_client, "of=credential", ATTEMPTS)) == ["a"]


def test_keys_and_owners_are_offered_of_the_last_93_days_of_a_range(admin_client: Client) -> None:
    for key, days in ((1, 180), (2, 94), (3, 92)):
        began = timezone.now() - timedelta(days=days)
        request_row(started_at=began, key_id=key, key_name=f"key {key}", team_id=key, team_name=f"team {key}")
    everything = f"from={timezone.now() - timedelta(days=300):%Y-%m-%d}"
    assert list(_choices(admin_client, f"of=key&{everything}")) == ["key 3"]
    earlier = f"{everything}&to={timezone.now() - timedelta(days=100):%Y-%m-%d}"
    assert list(_choices(admin_client, f"of=key&{earlier}")) == ["key 1"]
    assert list(_choices(admin_client, f"of=team&{everything}")) == ["team 1", "team 2", "team 3"]
    note = "the last 93 days of the range"
    assert note in text_of(admin_client.get(f"{REQUESTS}choices/?of=key&{everything}"))
    assert note not in text_of(admin_client.get(f"{REQUESTS}choices/?of=key&range=30d"))


def test_a_filter_has_twenty_values_at_most(admin_client: Client, django_assert_max_num_queries: Any) -> None:
    query = "&".join(f"team={number}" for number in range(1, 21))
    with django_assert_max_num_queries(30):
        page: Any = admin_client.get(f"{REQUESTS}?{query}&team=1")
    assert [chip["text"] for chip in page.context["chips"]] == [str(number) for number in range(1, 21)]
    wrong = admin_client.get(f"{REQUESTS}?{query}&team=21")
    assert (wrong.status_code, "Choose at most 20 values of the filter team." in text_of(wrong)) == (400, True)


def test_each_filter_is_a_chip_with_a_link_without_it(admin_client: Client) -> None:
    team = Team.objects.create(name="Search")
    page: Any = admin_client.get(f"{REQUESTS}?range=7d&team={team.pk}&outcome__exact=failed&outcome__exact=refused")
    chips = {(chip["title"], chip["text"]): chip["url"] for chip in page.context["chips"]}
    assert chips == {
        ("team", "Search"): "?range=7d&outcome__exact=failed&outcome__exact=refused",
        ("outcome", "Failed"): f"?range=7d&team={team.pk}&outcome__exact=refused",
        ("outcome", "Refused"): f"?range=7d&team={team.pk}&outcome__exact=failed",
    }
    assert page.context["clear_url"] == "?range=7d"
    assert "team must be the number of a team" in text_of(admin_client.get(f"{REQUESTS}?team=x"))
    assert "Choose a known figure" in text_of(admin_client.get(f"{REQUESTS}?known=x"))


def test_a_row_says_how_it_ended_and_what_it_was_made_of(admin_client: Client) -> None:
    request_row(
        route_name="sonnet", model_name="claude-x", provider_name="north", key_name="laptop", team_name="Search",
        input_tokens=100, cache_read_tokens=300, output_tokens=100, cost=1_230_000_000_000, attempts=2,
    )  # fmt: skip
    request_row(outcome="failed", http_status=529, sentence_code="provider_overloaded", started_at=timezone.now())
    page = admin_client.get(REQUESTS)
    text = text_of(page)
    for shown in ("sonnet → claude-x", "north", "laptop", "Search", "400 / 100", "$1.23", "2 attempts"):
        assert shown in text, shown
    assert "529 provider overloaded" in text
    assert '<i class="gw-read" style="width:60.0%">' in page.content.decode()


def test_rows_stand_together_by_session_on_demand(admin_client: Client) -> None:
    now = timezone.now()
    for number, session in enumerate(("a", "b", "a", "")):
        request_row(
            session_id=session, request_id=f"r{number}", started_at=now - timedelta(minutes=number + 1), key_id=1,
            cost=10**12,
        )  # fmt: skip
    page: Any = admin_client.get(f"{REQUESTS}?group=session")
    assert [(group["session"], len(group["lines"])) for group in page.context["groups"]] == [
        ("a", 2),
        ("b", 1),
        ("", 1),
    ]
    assert "2 requests, 0 failed or refused, $2.00 in all" in text_of(page)
    assert _ids(admin_client, links_of(page)["a"].replace("?", f"{REQUESTS}?")) == ["r0", "r2"]


def test_the_sheet_tells_a_request_to_who_may_see_it() -> None:
    row = request_row(
        outcome="refused", error_message="messages: at least one message is required", duration_ms=1,
        tags=["own", "claimed:theirs"],
    )  # fmt: skip
    attempt_row(row, provider_name="who tried")
    sheet = f"{REQUESTS}{row}/sheet/"
    reader = staff("usage.view_requestlog")
    assert "Refused after 1 ms: messages: at least one message is required" in text_of(reader.get(sheet))
    assert "own, theirs (claimed by the client)" in text_of(reader.get(sheet))
    assert "who tried" not in text_of(reader.get(sheet))
    assert "who tried" in text_of(staff("usage.view_requestlog", "usage.view_attemptlog").get(sheet))
    assert staff("usage.view_attemptlog").get(sheet).status_code == 403


def test_attempts_are_a_tab_that_keeps_range_and_filters(admin_client: Client) -> None:
    row = request_row(provider_name="north")
    attempt_row(row, provider_name="north")
    page: Any = admin_client.get(f"{REQUESTS}?range=7d&provider=north")
    other = {tab["title"]: tab["link"] for tab in page.context["tabs"]}["Attempts"]
    assert other == f"{ATTEMPTS}?range=7d&provider=north"
    assert [row.provider_name for row in admin_client.get(other).context["rows"]] == ["north"]
    found: Any = admin_client.get(f"{ATTEMPTS}?q=req_{row.hex}")
    assert [each.request_log_id for each in found.context["rows"]] == [row]
    assert "Attempts" not in links_of(staff("usage.view_requestlog").get(REQUESTS))


def test_a_filter_that_a_list_does_not_have_is_not_taken_to_it_and_named_there(admin_client: Client) -> None:
    attempt_row(request_row(team_id=1), provider_name="north")
    page: Any = admin_client.get(f"{REQUESTS}?range=7d&team=1&route=r&group=session&provider=north")
    tabs = {tab["title"]: tab["link"] for tab in page.context["tabs"]}
    assert tabs["Attempts"] == f"{ATTEMPTS}?range=7d&provider=north"
    assert tabs["Requests"] == f"{REQUESTS}?range=7d&team=1&route=r&provider=north"
    typed: Any = admin_client.get(f"{ATTEMPTS}?team=1&route=r&provider=north")
    assert "Attempts cannot be filtered by team, route; this list is not." in text_of(typed)
    assert links_of(typed)["Remove the filter"] == "?provider=north"
    assert typed.context["export_url"] == "export/?provider=north"
    days: Any = admin_client.get(f"{ATTEMPTS}?utc=2026-03-01..2026-03-02&credential=c")
    tabs = {tab["title"]: tab["link"] for tab in days.context["tabs"]}
    assert "credential" not in tabs["Requests"]
    assert "from=" in tabs["Requests"]
    assert "utc=" not in tabs["Requests"]
    assert "cannot be filtered" not in text_of(days)


def test_links_to_attempts_are_about_days_of_utc(admin_client: Client, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    row = request_row()
    for moment in ("2026-02-28 23:59", "2026-03-01 00:00", "2026-03-02 23:59", "2026-03-03 00:00"):
        attempt_row(row, started_at=at(moment), provider_name="p")
    url = attempts_url(Period(at("2026-03-01 00:00").date(), at("2026-03-02 00:00").date()), provider="p")
    for each in (url, f"{ATTEMPTS}?utc=2026-03-01..2026-03-02"):
        moments = [f"{row.started_at:%m-%d}" for row in admin_client.get(each).context["rows"]]
        assert moments == ["03-02", "03-01"], each


@pytest.mark.parametrize("days", ["2026-01-01..9999-12-30", "0001-01-01..2026-01-01"])
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_days_of_utc_at_the_ends_of_the_calendar_are_refused(
    days: str, zone: str, admin_client: Client, settings: Any
) -> None:
    settings.TIME_ZONE = zone
    assert "Choose a year from 2 to 9998." in text_of(admin_client.get(f"{ATTEMPTS}?utc={days}"))


@pytest.mark.parametrize("number", ["9223372036854775808", "1" * 5000])
def test_a_number_that_no_row_has_is_refused(number: str, admin_client: Client) -> None:
    assert "team must be the number of a team" in text_of(admin_client.get(f"{REQUESTS}?team={number}"))
    page = admin_client.get(f"{reverse('console:explorer')}?team={number}")
    assert (page.status_code, "team is the number of a team" in text_of(page)) == (400, True)
    assert admin_client.get(f"{REQUESTS}?team=9223372036854775807").status_code == 200


def test_the_file_has_exactly_the_rows_of_the_list_and_the_audit_says_who_took_it(admin_client: Client) -> None:
    for number in range(60):
        request_row(request_id=f"r{number}", model_name="=m", outcome=("completed", "failed")[number % 2], cost=number)
    request_row(request_id="other", started_at=timezone.now() - timedelta(days=9))
    page: Any = admin_client.get(f"{REQUESTS}?outcome__exact=failed")
    response: Any = admin_client.get(REQUESTS + page.context["export_url"])
    lines = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    listed = [row.request_id for row in page.context["rows"]]
    assert [line["request_id"] for line in lines] == listed
    assert len(listed) == 30
    assert lines[0]["model_name"] == "'=m"
    assert lines[0]["cost"] == "0.000000000059"
    assert lines[0]["error_message"] == ""
    entry = AuditEntry.objects.latest("number")
    assert (entry.action, "failed" in str(entry.changes)) == ("usage exported", True)
    assert admin_client.get(f"{REQUESTS}export/?team=x").status_code == 400
    assert staff("usage.view_attemptlog").get(f"{REQUESTS}export/").status_code == 403


def test_a_key_and_a_session_are_found_by_links(admin_client: Client) -> None:
    request_row(request_id="a", key_id=4, session_id="s", sentence_code="too_many_requests", outcome="refused")
    request_row(request_id="b", key_id=5)
    assert _ids(admin_client, rows_url(key=4)) == ["a"]
    assert _ids(admin_client, rows_url(session="s")) == ["a"]
    assert _ids(admin_client, rows_url(code="too_many_requests")) == ["a"]

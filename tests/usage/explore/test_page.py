"""The explorer's page: its URL is its state, its figures lead to their rows, and its files have the same lines."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.http import QueryDict
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from access.models import Team
from proxysite.console.explorer import state
from tests.admin.history import at, request_row
from tests.admin.pages import links_of, staff, text_of
from usage.money import to_pico
from usage.reports.explore.metrics import METRICS
from usage.reports.explore.question import BUCKETS, GROUPS, LIMITS

pytestmark = pytest.mark.django_db

PAGE = "/admin/console/explorer/"
MARCH = "from=2026-03-01&to=2026-03-31"


def _spend(dollars: str, day: str = "2026-03-05", **fields: Any) -> None:
    values = {"team_id": 1, "team_name": "Blue", "model_name": "opus", "provider_name": "direct", **fields}
    request_row(started_at=at(f"{day} 12:00"), cost=to_pico(Decimal(dollars)), **values)


def test_lines_lead_to_their_rows_and_to_themselves_alone(admin_client: Client) -> None:
    team = Team.objects.create(name="Blue")
    _spend("2", team_id=team.pk)
    _spend("1", team_id=team.pk, model_name="haiku")
    _spend("0.5", team_id=None, team_name="")
    page = admin_client.get(f"{PAGE}?{MARCH}&metric=cost&group=team")
    text, links = text_of(page), links_of(page)
    assert "Cost: $3.50 3 requests" in text
    assert "Blue 2 85.7 % $3.00" in text
    assert "(no team) 1 14.3 % $0.5000" in text
    rows = admin_client.get(links["2"])
    assert len(rows.context["rows"]) == 2
    alone = text_of(admin_client.get(PAGE + links["Blue"]))
    assert "Cost: $3.00" in alone
    assert "Team Blue" in alone


def test_a_filter_that_is_removed_is_gone(admin_client: Client) -> None:
    _spend("1", model_name="opus")
    _spend("2", model_name="haiku")
    page = admin_client.get(f"{PAGE}?{MARCH}&group=provider&model=opus&outcome=completed")
    assert "Cost: $1.00" in text_of(page)
    without = admin_client.get(PAGE + links_of(page)["×"])
    assert "Cost: $3.00" in text_of(without)


def test_others_are_one_line_and_are_counted(admin_client: Client) -> None:
    for number in range(1, 8):
        _spend(str(number), model_name=f"m{number}")
    text = text_of(admin_client.get(f"{PAGE}?{MARCH}&group=model&limit=5"))
    assert "others (2) 2 10.7 % $3.00" in text
    assert "m3" in text
    assert "m2" not in text


def test_answers_without_a_price_are_counted(admin_client: Client) -> None:
    _spend("1")
    request_row(started_at=at("2026-03-05 12:00"), model_name="unpriced")
    assert "1 without a price, which the cost leaves out" in text_of(admin_client.get(f"{PAGE}?{MARCH}"))


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("metric=beauty", "There is no metric 'beauty'. Choose one of cost,"),
        ("group=colour", "There is no group 'colour'"),
        ("limit=7", "limit is one of 5, 10, 20, 50"),
        ("team=blue", "team is the number of a team, or (none)"),
        ("tags=x", "tags is the id of a set of tags"),
        ("outcome=odd", "outcome is one of completed"),
        ("from=yesterday", "Write a day such as"),
        ("bucket=hour", "Hours are shown over a week at most"),
        ("model=a%00b", "a character that no name has"),
    ],
)
def test_what_is_wrong_is_shown_with_what_to_write(query: str, says: str, admin_client: Client) -> None:
    page = admin_client.get(f"{PAGE}?{query}")
    assert page.status_code == 400
    assert says in text_of(page)
    file = admin_client.get(f"/admin/console/explorer.csv?{query}")
    assert file.status_code == 400
    assert says in file.content.decode()


def test_who_may_not_see_requests_gets_neither_page_nor_files() -> None:
    browser = staff("access.view_team")
    assert [browser.get(url).status_code for url in (PAGE, "/admin/console/explorer.csv")] == [403, 403]


queries = st.fixed_dictionaries(
    {
        "range": st.sampled_from(("7d", "month", "today")),
        "metric": st.sampled_from(sorted(METRICS)),
        "group": st.sampled_from(("", *GROUPS)),
        "subgroup": st.sampled_from(("", *GROUPS)),
        "bucket": st.sampled_from(("", *BUCKETS)),
        "limit": st.sampled_from([str(number) for number in LIMITS]),
        "rank": st.sampled_from(("", *METRICS)),
        "cumulative": st.sampled_from(("", "1")),
        "team": st.sampled_from(("", "3", "(none)")),
        "model": st.sampled_from(("", "(none)", "gpt & co", "ü")),
    }
)


@given(queries)
def test_a_url_is_the_whole_state(fields: dict[str, str]) -> None:
    query = QueryDict(mutable=True)
    query.update(fields)
    try:
        found = state.read(query)
    except state.WrongQuestion:
        return
    assert state.read(QueryDict(found.url()[1:])) == found


def test_a_filter_by_tags_that_are_gone_is_an_answer(admin_client: Client) -> None:
    page = admin_client.get(f"{PAGE}?{MARCH}&group=tags&tags={UUID(int=5)}")
    assert page.status_code == 200
    assert "0 requests" in text_of(page)


@given(queries)
def test_the_automatic_bucket_is_answered_where_another_one_is(fields: dict[str, str]) -> None:
    query = QueryDict(mutable=True)
    query.update({**fields, "bucket": "total"})
    try:
        state.read(query)
    except state.WrongQuestion:
        return
    query["bucket"] = ""
    state.read(query)


@pytest.mark.parametrize(
    ("address", "leads_to"),
    [
        (
            "report/?first=2026-03-01&last=2026-03-31&team=7",
            "explorer/?group=team&subgroup=model&from=2026-03-01&to=2026-03-31&team=7",
        ),
        (
            "report.csv?first=2026-03-05&model=a: b: c",
            "explorer.csv?group=team&subgroup=model&from=2026-03-05&provider=a&model=b%3A+c",
        ),
        ("report/tags/", "explorer/?group=tags&subgroup=team"),
        ("report/clients.csv", "explorer.csv?group=client&subgroup=version"),
        ("report/providers/?from=2026-03-01", "explorer/?group=provider&subgroup=credential&from=2026-03-01"),
    ],
)  # fmt: skip
def test_addresses_of_the_earlier_report_lead_to_the_same_question(
    admin_client: Client, address: str, leads_to: str
) -> None:
    answer = admin_client.get(f"/admin/console/{address}")
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/console/{leads_to}")
    assert admin_client.get(answer["Location"]).status_code == 200


def test_what_was_never_a_report_leads_nowhere(admin_client: Client) -> None:
    assert admin_client.get("/admin/console/report/colours/").status_code == 404
    assert staff("access.view_team").get("/admin/console/report/").status_code == 403


def test_client_programs_have_a_line_for_each_version(admin_client: Client) -> None:
    for version in ("2.0", "2.1"):
        _spend("1", client_name="claude-cli", client_version=version)
    _spend("1")
    text = text_of(admin_client.get(f"{PAGE}?{MARCH}&metric=requests&group=client&subgroup=version"))
    assert "claude-cli 2.0 33.3 % 1 claude-cli 2.1 33.3 % 1" in text
    assert "(unknown client) (unknown version) 33.3 % 1" in text


def test_formulas_stay_texts_in_files_and_markup_in_pages_is_escaped(admin_client: Client) -> None:
    _spend("1", model_name="<b>@SUM(A1)</b>")
    assert b"<b>@SUM" not in admin_client.get(f"{PAGE}?{MARCH}").content


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("from=2025-10-01&to=2026-03-31&group=owner&bucket=day", "Show it by month"),
        ("from=2025-01-01&to=2026-03-31&group=key&bucket=month", "Show it over 30 days"),
        ("range=30d&group=model&bucket=hour", "Show it by day"),
        ("range=30d&group=tags&subgroup=model", "Show it without the subgroup"),
        ("range=30d&group=model&metric=error_rate&cumulative=1", "Show it without the sums so far"),
        ("range=30d&group=tags&metric=duration_p95", "Show its cost"),
        ("range=30d&group=tags&model=opus", "Show it without filters"),
        ("from=2026-03-05T10:00&to=2026-03-06T10:00&group=client", "Show it over 30 days"),
    ],
)
def test_what_is_not_answered_leads_to_the_nearest_question_that_is(
    query: str, title: str, admin_client: Client
) -> None:
    page = admin_client.get(f"{PAGE}?{query}")
    assert page.status_code == 400
    assert admin_client.get(PAGE + links_of(page)[title]).status_code == 200


def test_what_no_change_makes_a_question_leads_nowhere(admin_client: Client) -> None:
    page: Any = admin_client.get(f"{PAGE}?limit=7")
    assert page.context["nearest"] is None

"""The explorer by credential: attempts on days of UTC, with the figures of a plain sum over their rows."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from django.test import Client

from tests.admin.history import at, attempt_row, request_row
from tests.admin.pages import links_of, staff, text_of
from usage.models import AttemptLog
from usage.reports.explore.answer import CannotAnswer, answer
from usage.reports.explore.question import Question
from usage.rollups.accumulate import midnight

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

PAGE = "/admin/console/explorer/"
MARCH = "from=2026-03-01&to=2026-03-31"
_EDGES = ("2026-02-28 23:59", "2026-03-01 00:00", "2026-03-15 12:00", "2026-03-31 23:59", "2026-04-01 00:00")


def _month() -> tuple[datetime, datetime]:
    """March of TIME_ZONE, as somebody chooses it."""
    return midnight(date(2026, 3, 1)), midnight(date(2026, 4, 1))


@pytest.fixture
def attempts() -> None:
    """At each edge of March, of UTC: an attempt that failed at one credential, and two that answered by others."""
    row = request_row(started_at=at("2026-03-15 12:00"), attempts=3, provider_name="south", cost=9 * 10**12)
    for number, moment in enumerate(_EDGES):
        when = {"started_at": at(moment), "model_name": "opus"}
        cost = (number + 1) * 10**12
        north = {"provider_name": "north", "credential_id": 4, "credential_name": "main"}
        attempt_row(row, 3 * number + 1, **when, **north, outcome="failed", cost=cost, input_tokens=3)
        attempt_row(row, 3 * number + 2, **when, provider_name="south", credential_id=5, credential_name="main")
        attempt_row(row, 3 * number + 3, **when, provider_name="south", cost=cost, output_tokens=number)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("bucket", ["day", "month"])
@pytest.mark.usefixtures("attempts")
def test_figures_are_a_plain_sum_over_attempts_of_the_same_dates_in_utc(zone: str, bucket: Any, settings: Any) -> None:
    settings.TIME_ZONE = zone
    found = answer(Question(*_month(), group="credential", subgroup="provider", bucket=bucket), measures=True)
    rows = AttemptLog.objects.filter(started_at__gte=at("2026-03-01 00:00"), started_at__lt=at("2026-04-01 00:00"))
    cost: dict[tuple[Any, ...], dict[date, Any]] = defaultdict(dict)
    number: dict[tuple[Any, ...], int] = defaultdict(int)
    for row in rows:
        day = row.started_at.date() if bucket == "day" else date(2026, 3, 1)
        key, known = (row.credential_id, row.provider_name), cost[row.credential_id, row.provider_name]
        number[key] += 1
        known[day] = row.cost if known.get(day) is None else known[day] + (row.cost or 0)
    days = [start.date() for start in found.starts]
    assert {line.key: line.values for line in found.lines} == {
        key: [known.get(day) for day in days] for key, known in cost.items()
    }
    assert {line.key: line.requests for line in found.lines} == number
    assert (found.whole.requests, getattr(found.whole.totals, "errors", None), found.unpriced) == (9, 3, 3)
    assert (days[0], days[-1]) == (date(2026, 3, 1), date(2026, 3, 31 if bucket == "day" else 1))
    assert {start.utcoffset() for start in found.starts} == {UTC.utcoffset(None)}


@pytest.mark.usefixtures("attempts")
def test_lines_have_the_last_names_and_filters_narrow_them() -> None:
    row = request_row(started_at=at("2026-03-31 12:00"))
    attempt_row(row, started_at=at("2026-03-31 12:00"), credential_id=4, credential_name="renamed")
    question = Question(*_month(), group="credential", rank="requests")
    assert [line.labels for line in answer(question).lines] == [("renamed",), ("main",), ("(no credential)",)]
    failed = answer(msgspec.structs.replace(question, filters={"outcome": ("failed",), "credential": (4, 5)}))
    assert [(line.key, line.requests) for line in failed.lines] == [((4,), 3)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"subgroup": "team"}, "Credentials are counted by day, for all teams together. Group them with a provider, "),
        ({"filters": {"route": ("r",)}}, "or remove the other filters"),
        ({"subgroup": "tags"}, "for all teams together"),
        ({"metric": "first_token_p95"}, "Times are not kept by credentials"),
        ({"bucket": "hour"}, "Credentials are counted by day. Choose days"),
        ({"until": at("2026-03-05 12:00")}, "Credentials are counted by whole days"),
        ({"since": at("2024-01-01 00:00")}, "over 13 months at most"),
        ({"since": at("2020-01-01 00:00"), "bucket": "month"}, "At most five years"),
    ],
)
def test_what_attempts_cannot_answer_says_what_to_ask(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(CannotAnswer, match=says):
        answer(msgspec.structs.replace(Question(*_month(), group="credential"), **changes))


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
@pytest.mark.usefixtures("attempts")
def test_the_page_says_attempts_and_each_line_leads_to_its_own(zone: str, admin_client: Client, settings: Any) -> None:
    settings.TIME_ZONE = zone
    page: Any = admin_client.get(f"{PAGE}?{MARCH}&group=credential&subgroup=model")
    text = text_of(page)
    assert "Cost: $18.00 9 attempts" in text
    assert "Attempts are counted, failed ones too, by day of UTC" in text
    assert "Credential, Model Attempts Share Cost" in text
    for line in page.context["rows"]:
        rows: Any = admin_client.get(line["url"])
        assert len(rows.context["rows"]) == 3
        assert {row.credential_name or "(no credential)" for row in rows.context["rows"]} == {line["labels"][0]}
    narrowed = text_of(admin_client.get(PAGE + links_of(page)["(no credential)"]))
    assert "Cost: $9.00 3 attempts" in narrowed
    assert "Attempts: 9 9 attempts" in text_of(admin_client.get(f"{PAGE}?{MARCH}&group=credential&metric=requests"))


@pytest.mark.usefixtures("attempts")
def test_who_may_not_see_attempts_gets_figures_without_links() -> None:
    page: Any = staff("usage.view_requestlog").get(f"{PAGE}?{MARCH}&group=credential")
    assert [line["url"] for line in page.context["rows"]] == ["", "", ""]


@pytest.mark.usefixtures("attempts")
def test_files_name_attempts(admin_client: Client) -> None:
    query = f"{MARCH}&group=credential&metric=requests&bucket=month"
    file: Any = admin_client.get(f"/admin/console/explorer.csv?{query}")
    header, *lines = csv.reader(io.StringIO(b"".join(file).decode()))
    assert (header[:3], header[-1]) == (["credential", "attempts", "errors"], "2026-03")
    assert [line[1] for line in lines] == ["3", "3", "3"]
    document = admin_client.get(f"/admin/console/explorer.json?{query}").json()
    assert (document["from"], document["whole"]["attempts"]) == ("2026-03-01T00:00:00+00:00", 9)

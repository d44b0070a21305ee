"""The histogram above a list adds up exactly its rows, and each bar leads to those that it counts."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.test import Client

from tests.admin.history import at, attempt_row, request_row
from usage.models import RequestLog

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
REQUESTS, ATTEMPTS = "/admin/usage/requestlog/", "/admin/usage/attemptlog/"
DAY, WEEK = "from=2026-03-02&to=2026-03-02", "from=2026-03-01&to=2026-03-07"


@pytest.fixture(autouse=True)
def _history(settings: Any) -> None:
    """Sixty requests of nine days, in a zone whose days are not those of UTC."""
    settings.TIME_ZONE = "America/New_York"
    random = Random(3)
    for number in range(60):
        outcome = random.choice(("completed", "completed", "failed", "client_closed"))
        started_at = at("2026-02-28 00:00") + timedelta(minutes=random.randrange(9 * 24 * 60))
        team = random.choice((1, 2))
        row = request_row(
            started_at=started_at, outcome=outcome, team_id=team, key_id=10 * team + number % 2, client_name="curl",
            model_name=random.choice(("m", "n")), cost=random.choice((None, 10**12)),
        )  # fmt: skip
        attempt_row(row, started_at=started_at, outcome=outcome, provider_name="p")


@pytest.mark.parametrize("span", [DAY, WEEK])
@pytest.mark.parametrize(
    "query", ["", "&team=1", "&key=20", "&model=m&team=2", "&outcome__exact=failed", "&outcome__exact=failed&key=11"]
)
def test_the_sums_are_those_of_the_rows(span: str, query: str, admin_client: Client) -> None:
    page: Any = admin_client.get(f"{REQUESTS}?{span}{query}")
    rows = list(page.context["rows"])
    drawn = page.context["histogram"]
    assert len(rows) < 50
    assert drawn["requests"] == str(len(rows))
    assert drawn["failures"] == str(sum(row.outcome == "failed" for row in rows))
    known = [row.cost for row in rows if row.cost is not None]
    assert drawn["cost"] == (f"${sum(known):.2f}" if known else "—")
    assert drawn["ignored"] == ""
    assert len(drawn["bars"]) == (96 if span == DAY else 7)


@pytest.mark.parametrize("span", [DAY, WEEK])
def test_a_bar_leads_to_the_rows_that_it_counts(span: str, admin_client: Client) -> None:
    bars = admin_client.get(f"{REQUESTS}?{span}&team=1").context["histogram"]["bars"]
    counted = [(bar["url"], int(bar["title"].split(": ")[1].split()[0])) for bar in bars if bar["height"]]
    assert counted
    for url, number in counted:
        assert len(admin_client.get(REQUESTS + url).context["rows"]) == number, url


def test_the_bars_are_put_in_words(admin_client: Client) -> None:
    page: Any = admin_client.get(f"{REQUESTS}?{WEEK}")
    drawn = page.context["histogram"]
    busiest = max(drawn["bars"], key=lambda bar: bar["height"])
    assert drawn["summary"].startswith(f"7 bars, each of a day. Most requests: {busiest['title']}. Most failed or")
    assert f'<p class="sr-only">{drawn["summary"]}</p>' in page.content.decode()
    empty = admin_client.get(f"{REQUESTS}?from=2025-03-02&to=2025-03-02").context["histogram"]
    assert empty["summary"] == "96 bars, each of a quarter hour. "


def test_a_filter_that_sums_do_not_have_is_named(admin_client: Client) -> None:
    page: Any = admin_client.get(f"{REQUESTS}?{WEEK}&client=curl&known=cost")
    assert page.context["histogram"]["ignored"] == "client, known figure"
    assert page.context["histogram"]["requests"] == str(len(admin_client.get(f"{REQUESTS}?{WEEK}").context["rows"]))
    assert "without the filter by client, known figure" in page.content.decode()
    assert admin_client.get(f"{REQUESTS}?q=x").context["histogram"] is None


def test_attempts_have_bars_of_days_of_utc(admin_client: Client) -> None:
    page: Any = admin_client.get(f"{ATTEMPTS}?from=2026-03-01T00:00Z&to=2026-03-07T00:00Z")
    drawn = page.context["histogram"]
    assert len(drawn["bars"]) == 6
    inside = RequestLog.objects.filter(started_at__gte=at("2026-03-01 00:00"), started_at__lt=at("2026-03-07 00:00"))
    assert drawn["requests"] == str(inside.count())
    assert admin_client.get(f"{ATTEMPTS}?{DAY}").context["histogram"] is None
    searched = admin_client.get(f"{ATTEMPTS}?from=2026-03-01T00:00Z&to=2026-03-07T00:00Z&q=msg_1")
    assert searched.context["histogram"]["ignored"] == "id"

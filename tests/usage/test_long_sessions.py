"""A script may send one session id with each of a million requests: pages read and sort a bounded part of them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.admin.history import request_row
from tests.admin.pages import text_of
from usage.reports import sessions
from usage.reports.rows import reading
from usage.reports.rows import sessions as long_sessions
from usage.rollups.models import SessionSummary

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

ROWS = reverse("admin:usage_requestlog_changelist")
LONG = ROWS + "?session=batch"


@pytest.fixture(autouse=True)
def _batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session of 8 requests, which is a long one here, and a short one among them."""
    monkeypatch.setattr(long_sessions, "LONGEST", 5)
    now = timezone.now()
    for number in range(16):
        session_id = "batch" if number % 2 else f"s{number}"
        request_row(
            started_at=now - timedelta(minutes=number + 1), session_id=session_id, team_id=1, key_id=1,
            model_name=f"m{number}.",
        )  # fmt: skip


def _page() -> str:
    return reverse("console:session", args=[SessionSummary.objects.get(session_id="batch").pk])


def _shown(text: str) -> list[str]:
    return re.findall(r"\bm\d+\.", text)


def test_the_page_of_a_long_session_has_its_newest_requests(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST_TURNS", 3)
    text = text_of(admin_client.get(_page()))
    assert "The newest 3 requests of 8 are shown." in text
    assert set(_shown(text)) == {"m1.", "m3.", "m5."}


def test_other_requests_of_the_key_are_read_up_to_a_bound(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "READ", 4)
    text = text_of(admin_client.get(_page()))
    assert "The newest 2 requests of 8 are shown." in text


@pytest.mark.parametrize("url", [LONG, ROWS + "?q=batch"])
def test_a_list_finds_them_in_its_range(admin_client: Client, url: str) -> None:
    text = text_of(admin_client.get(url))
    assert set(_shown(text)) == {f"m{number}." for number in range(1, 16, 2)}
    assert "m2." in text_of(admin_client.get(url.replace("batch", "s2")))


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL decides by its statistics")
def test_no_page_reads_them_by_their_session(admin_client: Client) -> None:
    for url in (_page(), LONG, ROWS + "?q=batch"):
        assert "usage_request_session" not in _plans(admin_client, url)
    assert "usage_request_session" in _plans(admin_client, ROWS + "?session=s2")
    short = SessionSummary.objects.get(session_id="s2").pk
    assert "usage_request_session" in _plans(admin_client, reverse("console:session", args=[short]))


def _plans(browser: Client, url: str) -> str:
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(url).status_code == 200
    found = []
    for asked in captured.captured_queries:
        if 'FROM "usage_requestlog"' in asked["sql"]:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {asked['sql']}")
                found += [str(row[-1]) for row in cursor.fetchall()]
    assert found
    return "\n".join(found)

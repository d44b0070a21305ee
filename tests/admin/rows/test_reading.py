"""Pages of a list: each row once, in order, in both directions, wherever the search is cut, and no row counted."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.history import at, attempt_row, request_row
from usage.models import AttemptLog, RequestLog
from usage.reports.rows import reading
from usage.reports.rows.filters import ATTEMPTS, REQUESTS, Kind, chosen
from usage.reports.rows.reading import Page, Place, Selection

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
SINCE, UNTIL = at("2026-03-01 00:00"), at("2026-03-02 00:00")
LISTS = ("/admin/usage/requestlog/", "/admin/usage/attemptlog/")
FILTERS: tuple[dict[str, list[str]], ...] = (
    {},
    {"team": ["1"]},
    {"outcome__exact": ["failed", "refused"]},
    {"team": ["1"], "outcome__exact": ["failed"]},
    {"model": ["nothing"]},
    {"team": ["1", "2"]},
)


def _rows(kind: Kind) -> None:
    """Rows of which many began in the same moment, and some outside the range."""
    random = Random(7)
    for number in range(60):
        fields: dict[str, Any] = {
            "started_at": SINCE + timedelta(hours=random.randrange(-2, 26)),
            "outcome": random.choice(("completed", "failed", "refused")),
        }
        if kind is REQUESTS:
            request_row(team_id=random.choice((1, 2, None)), **fields)
        else:
            attempt_row(request_row(), number, **fields)


def _selection(kind: Kind, values: dict[str, list[str]]) -> Selection:
    return Selection(kind.model._default_manager.all(), chosen(kind, values), SINCE, UNTIL)


def _wanted(kind: Kind, values: dict[str, list[str]]) -> list[Any]:
    columns = {"outcome__exact": "outcome__in", "team": "team_id__in", "model": "model_name__in"}
    rows = kind.model._default_manager.filter(**{columns[name]: each for name, each in values.items()})
    order = ("-started_at", "-id") if kind is REQUESTS else ("-id",)
    inside = rows.filter(started_at__gte=SINCE, started_at__lt=UNTIL)
    return list(inside.order_by(*order).values_list("pk", flat=True))


def _walk(of: Selection, first: Page, *, to_older: bool) -> list[Page]:
    pages = [first]
    while (place := pages[-1].older if to_older else pages[-1].newer) is not None:
        pages.append(reading.page(of, 7, older=place) if to_older else reading.page(of, 7, newer=place))
        assert len(pages) < 100
    return pages


@pytest.mark.parametrize("read", [4, 11, reading.READ])
@pytest.mark.parametrize("kind", [REQUESTS, ATTEMPTS], ids=["requests", "attempts"])
def test_pages_hold_each_row_once_and_in_order(kind: Kind, read: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _rows(kind)
    monkeypatch.setattr(reading, "READ", read)
    for values in FILTERS:
        if kind is ATTEMPTS and "team" in values:
            continue
        of, wanted = _selection(kind, values), _wanted(kind, values)
        older = _walk(of, reading.page(of, 7), to_older=True)
        assert [row.pk for page in older for row in page.rows] == wanted, values
        assert all(len(page.rows) <= 7 for page in older)
        # From the place before the oldest row, all the way back.
        back = _walk(of, reading.page(of, 7, newer=Place(SINCE - timedelta(days=1))), to_older=False)
        assert [row.pk for page in reversed(back) for row in page.rows] == wanted, values


@pytest.mark.parametrize("kind", [REQUESTS, ATTEMPTS], ids=["requests", "attempts"])
def test_a_file_has_each_row_once_and_in_order(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    _rows(kind)
    monkeypatch.setattr(reading, "READ", 5)
    monkeypatch.setattr(reading, "BLOCK", 9)
    for values in FILTERS[::2]:
        found = [line[0] for line in reading.every(_selection(kind, values), ("id", "started_at"))]
        assert found == _wanted(kind, values), values


def test_a_file_is_read_as_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    _rows(REQUESTS)
    monkeypatch.setattr(reading, "BLOCK", 5)
    lines = reading.every(_selection(REQUESTS, {}), ("id", "started_at"))
    for blocks in (1, 2, 3):
        with CaptureQueriesContext(connection) as captured:
            assert len([next(lines) for _ in range(5)]) == 5
        assert [each["sql"].split(" LIMIT ")[1] for each in captured.captured_queries] == ["6"], blocks


def test_a_page_says_how_far_it_searched_and_goes_on_from_there(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "READ", 5)
    now = timezone.now()
    request_row(request_id="rare", model_name="rare", started_at=now - timedelta(hours=20))
    for minutes in range(8):
        request_row(started_at=now - timedelta(minutes=1 + minutes))
    page: Any = admin_client.get(f"{LISTS[0]}?model=rare")
    assert list(page.context["rows"]) == []
    assert f"back to {_local(now - timedelta(minutes=5)):%Y-%m-%d %H:%M}" in page.content.decode()
    last: Any = admin_client.get(LISTS[0] + page.context["older_url"])
    assert [row.request_id for row in last.context["rows"]] == ["rare"]
    assert not last.context["searched_to"]
    # An index leads to the rows of a team: nothing is cut.
    assert not admin_client.get(f"{LISTS[0]}?team=77").context["searched_to"]


def _local(moment: datetime) -> datetime:
    return timezone.localtime(moment, timezone.get_default_timezone())


@pytest.mark.parametrize("address", LISTS)
def test_no_list_counts_rows_or_skips_over_them(address: str, admin_client: Client) -> None:
    for number in range(55):
        attempt_row(request_row(session_id="s"), number)
    queries: list[dict[str, Any]] = [
        {},
        {"range": "30d"},
        {"group": "session"},
        {"team": 1},
        {"key": 1},
        {"model": "m"},
        {"known": "unpriced"},
        {"fidelity": "(any)"},
        {"q": "s"},
    ]
    for query in queries:
        with CaptureQueriesContext(connection) as captured:
            page = admin_client.get(f"{address}?{urlencode(query)}")
            older = page.context["older_url"]
            if older:
                assert admin_client.get(address + older).context["rows"]
        tables = {RequestLog._meta.db_table, AttemptLog._meta.db_table}
        rows = [each["sql"].upper() for each in captured.captured_queries]
        rows = [sql for sql in rows if any(f'"{table}"'.upper() in sql for table in tables)]
        assert rows
        for sql in rows:
            assert " LIMIT " in sql
            assert not [word for word in ("OFFSET", "COUNT(", "DISTINCT") if word in sql], sql
            bounded = ('_ID" >= ', '."ID" >= ', 'STARTED_AT" >= ', 'SESSION_ID" = ', 'REQUEST_LOG_ID" = ')
            assert any(bound in sql for bound in bounded), sql


def test_a_place_that_is_none_is_named(admin_client: Client) -> None:
    request_row()
    for place in ("x", "1-2", f"{10**30}-{'0' * 32}"):
        page = admin_client.get(f"{LISTS[0]}?older={place}")
        assert "This is no place in the list" in page.content.decode()

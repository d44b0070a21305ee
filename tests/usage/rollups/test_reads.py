"""What pages read does not grow with the number of client keys."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.usage.added import store
from tests.usage.dated import request
from usage.reports import query
from usage.reports.explore.answer import answer
from usage.reports.explore.question import Question
from usage.reports.query import Selection
from usage.rollups.models import DailyRollup

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

PAGES = tuple(
    f"/admin/console/explorer/?range=30d&group=team{more}" for more in ("", "&subgroup=model", "&subgroup=model&team=1")
)
_READ = re.compile(r'FROM "(usage_\w+)" WHERE (.*?)(?: GROUP BY .*| ORDER BY .*| LIMIT .*)?$')


def _of_keys(*keys: int) -> None:
    """Completed and failed requests of today, of two owners and two models, under each key."""
    now = timezone.now()
    models = [{"provider_name": "p", "model_name": name, "team_id": 1, "team_name": "t"} for name in "mn"]
    store(
        [
            request(
                now, key_id=key, key_name=f"k{key}", owner_id=key % 2 or None, outcome=outcome, output_tokens=1, **one
            )
            for key in keys
            for one in models
            for outcome in ("completed", "failed")
        ]
    )


def _cells(browser: Client, page: str) -> int:
    """How many rollups the page's queries choose; on SQLite each must find them by an index."""
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(page).status_code == 200
    found = 0
    for asked in captured:
        match = _READ.search(asked["sql"])
        if match is None or "rollup" not in match[1] or match[1].startswith("usage_rollup"):
            continue
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT count(*) FROM "{match[1]}" WHERE {match[2]}')
            found += cursor.fetchone()[0]
            if connection.vendor == "sqlite":
                cursor.execute(f"EXPLAIN QUERY PLAN {asked['sql']}")
                plan = " ".join(str(row[-1]) for row in cursor.fetchall())
                assert "usage_daily_level" in plan or "usage_attempts_starts" in plan, asked["sql"]
    assert found
    return found


def test_pages_read_as_many_rollups_for_one_key_as_for_forty(admin_client: Client) -> None:
    _of_keys(1)
    before = [_cells(admin_client, page) for page in PAGES]
    _of_keys(*range(2, 41))
    assert DailyRollup.objects.filter(overall=False, keyless=False).count() == 160
    assert [_cells(admin_client, page) for page in PAGES] == before


def test_nothing_is_counted_twice() -> None:
    _of_keys(1, 2, 3)
    today = query.last_days(1)
    everything, one_key = (query.totals(selection) for selection in (Selection(today), Selection(today, key_id=2)))
    one_owner = query.summed(query.keyed(today).filter(owner_id=1))
    assert [(of.requests, of.errors, of.output) for of in (everything, one_key, one_owner)] == [
        (12, 6, 12), (4, 2, 4), (8, 4, 8),
    ]  # fmt: skip
    assert answer(Question(today.start, today.end, group="team", subgroup="model")).whole.requests == 12


def test_links_of_a_line_lead_to_as_many_rows(admin_client: Client) -> None:
    _of_keys(1, 2, 3)
    page: Any = admin_client.get("/admin/console/explorer/?group=team&subgroup=model")
    assert len(page.context["rows"]) == 2
    for row in page.context["rows"]:
        assert len(admin_client.get(row["url"]).context["rows"]) == int(row["requests"])

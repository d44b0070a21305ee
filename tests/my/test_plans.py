"""What somebody reads of their own is found by an index, however many requests others made."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.my.people import Group, make_group
from tests.usage.dated import identity
from usage.models import AttemptLog, RequestLog

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

_BY_KEY = re.compile(r"usage_request_key\b|_key_id_started_at_idx")
_WHOLE = re.compile(r"\bSCAN (?!access_)|Seq Scan on usage_(request|attempt)log")


@pytest.fixture
def blue() -> Group:
    """A team in which others made thousands of requests, newer than those of its people."""
    group = make_group("blue")
    now = timezone.now()
    moments = [now + timedelta(seconds=n) for n in range(2000)]
    rows = [
        RequestLog(id=identity(moment), started_at=moment, request_id=str(n), team_id=group.team.pk, outcome="failed",
                   key_id=1000 + n % 20, owner_id=1000 + n % 20)
        for n, moment in enumerate(moments)
    ]  # fmt: skip
    RequestLog.objects.bulk_create(rows)
    AttemptLog.objects.bulk_create(
        AttemptLog(
            id=identity(row.started_at), started_at=row.started_at, request_log_id=row.pk, number=1, outcome="failed"
        )
        for row in rows
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return group


def _plans(browser: Client, path: str) -> list[tuple[str, str]]:
    """The page's queries about rows of requests and attempts, with the database's plans for them."""
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(path).status_code == 200
    found = []
    for asked in (one["sql"] for one in captured if re.search(r'FROM "usage_(request|attempt)log"', one["sql"])):
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{asked}")
            found.append((asked, "\n".join(str(row[-1]) for row in cursor.fetchall())))
    assert found, path
    return found


LISTS = (
    *(("mia", "/my/"), ("lea", "/my/"), ("mia", "/my/requests/"), ("lea", "/my/requests/?outcome=errors")),
    *(("mia", "/my/requests/?key={key}"), ("lea", "/my/teams/{team}/requests/?key={key}")),
    ("lea", "/my/teams/{team}/requests/?member={member}"),
)


def test_lists_are_read_by_the_keys_and_a_request_by_its_id(blue: Group) -> None:
    for name, path in LISTS:
        path = path.format(key=blue.keys["mia"].pk, team=blue.team.pk, member=blue.people["mia"].pk)
        for asked, plan in _plans(blue.browser(name), path):
            assert _BY_KEY.search(plan), f"{path}\n{asked}\n{plan}"
            assert not _WHOLE.search(plan), f"{path}\n{asked}\n{plan}"
    for name in ("mia", "lea"):
        for asked, plan in _plans(blue.browser(name), f"/my/requests/{blue.requests('mia')[0].pk}/"):
            assert not _WHOLE.search(plan), f"{asked}\n{plan}"

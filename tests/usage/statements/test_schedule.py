"""Months are closed on a day of each team's time zone: once, also after a stop, and each team by itself."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.urls import reverse

from access.models import AuditEntry, Membership, Team
from tests.admin.pages import text_of
from tests.usage.added import store
from tests.usage.dated import day, request
from usage.statements import closing, mails, schedule
from usage.statements.models import Statement, StatementMail, StatementSchedule

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

MAY = datetime(2026, 5, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day_of_month", "zone", "now", "month"),
    [
        (3, "UTC", "2026-05-03T00:00:00", (2026, 4)),
        (3, "UTC", "2026-05-02T23:59:59", (2026, 3)),
        (1, "UTC", "2026-01-01T00:00:00", (2025, 12)),
        (28, "UTC", "2026-01-27T12:00:00", (2025, 11)),
        (28, "UTC", "2026-02-28T00:00:00", (2026, 1)),
        # The day begins at the team's midnight, also where clocks change in that night.
        (1, "Pacific/Auckland", "2026-04-30T12:00:00", (2026, 4)),
        (1, "America/Los_Angeles", "2026-05-01T06:59:00", (2026, 3)),
        (1, "America/Los_Angeles", "2026-05-01T07:00:00", (2026, 4)),
        (8, "America/New_York", "2026-03-08T04:59:00", (2026, 1)),
        (8, "America/New_York", "2026-03-08T05:00:00", (2026, 2)),
        (25, "Europe/Berlin", "2026-10-24T22:00:00", (2026, 9)),
        (25, "Europe/Berlin", "2026-10-24T21:59:00", (2026, 8)),
        (1, "Nowhere/Land", "2026-05-01T00:00:00", (2026, 4)),
    ],
)
def test_the_month_whose_day_has_come(day_of_month: int, zone: str, now: str, month: tuple[int, int]) -> None:
    assert schedule.month_due(day_of_month, zone, day(now)) == date(*month, 1)


def _used(team: Team, *months: int) -> None:
    fields: dict[str, Any] = {"team_id": team.pk, "team_name": team.name, "model_name": "opus"}
    store([request(day(f"2026-{month:02}-10T10:00:00"), cost=month * 10**12, **fields) for month in months])


@pytest.fixture
def teams() -> list[Team]:
    """Two teams with usage in three months, and one without any; months are closed on day 3."""
    made = [Team.objects.create(name=name, contact=f"{name}@example.com") for name in ("search", "support", "idle")]
    for team in made[:2]:
        _used(team, 2, 3, 4)
    StatementSchedule.objects.create(day=3)
    return made


def _closed() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in Statement.objects.order_by("number"):
        found.setdefault(one.team_name, []).append(f"{one.month:%m}")
    return found


def test_all_that_a_stop_has_missed_is_closed_once(teams: list[Team]) -> None:
    assert schedule.close_due(day("2026-04-02T12:00:00")) == 2
    assert _closed() == {"search": ["02"], "support": ["02"]}
    assert schedule.close_due(MAY) == 4
    assert schedule.close_due(MAY) == 0
    assert _closed() == {"search": ["02", "03", "04"], "support": ["02", "03", "04"]}


def test_a_team_that_is_not_used_any_more_gets_no_empty_statements(teams: list[Team]) -> None:
    _used(teams[0], 7)
    schedule.close_due(day("2026-07-20T12:00:00"))
    assert _closed()["search"][-1] == "04"
    schedule.close_due(day("2026-08-20T12:00:00"))
    assert _closed() == {"search": ["02", "03", "04", "05", "06", "07"], "support": ["02", "03", "04"]}


def test_nothing_is_closed_without_a_day(teams: list[Team]) -> None:
    StatementSchedule.objects.update(day=None)
    assert schedule.close_due(MAY) == 0
    StatementSchedule.objects.all().delete()
    assert schedule.close_due(MAY) == 0


@pytest.fixture
def too_dear(teams: list[Team]) -> Team:
    """The first team, with a cost in February that no statement holds."""
    fields: dict[str, Any] = {"team_id": teams[0].pk, "team_name": "search", "model_name": "opus"}
    for route in ("a", "b"):
        store([request(day("2026-02-11T10:00:00"), cost=5 * 10**18, route_name=route, **fields)])
    return teams[0]


def test_a_team_that_cannot_be_closed_stops_no_other(too_dear: Team, caplog: pytest.LogCaptureFixture) -> None:
    assert schedule.close_due(MAY) == 3
    assert _closed() == {"support": ["02", "03", "04"]}
    (logged,) = caplog.records
    assert logged.fields["team"] == too_dear.pk  # type: ignore[attr-defined]


def test_a_team_that_somebody_cannot_close_stops_no_other(admin_client: Client, too_dear: Team) -> None:
    url = reverse("console:statements-close")
    text = text_of(admin_client.post(url, {"month": "2026-04"}, follow=True))
    assert "Closed 3 statements, 2 of them for earlier months." in text
    assert "Not closed, the log says why: search." in text
    text = text_of(admin_client.post(url, {"month": "2026-04", "team": str(too_dear.pk)}, follow=True))
    assert "nothing to close" not in text
    assert _closed() == {"support": ["02", "03", "04"]}


def test_two_workers_at_once_close_and_queue_once(teams: list[Team]) -> None:
    StatementSchedule.objects.update(mails=True, mails_since=day("2026-05-01T00:00:00"))
    start = threading.Barrier(2)

    def run() -> None:
        start.wait()
        schedule.close_due(MAY)
        mails.queue_new()
        connections.close_all()

    workers = [threading.Thread(target=run) for _ in range(2)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert _closed() == {"search": ["02", "03", "04"], "support": ["02", "03", "04"]}
    sent = StatementMail.objects.order_by("address").values_list("address", "statement__month")
    assert list(sent) == [(f"{name}@example.com", date(2026, 4, 1)) for name in ("search", "support")]
    assert AuditEntry.objects.filter(action="statement mailed").count() == 2


def test_what_was_closed_before_mails_were_switched_on_is_not_mailed(teams: list[Team]) -> None:
    schedule.close_due(MAY)
    StatementSchedule.objects.update(mails=True, mails_since=datetime.now(UTC))
    assert mails.queue_new() == 0
    assert not StatementMail.objects.exists()


def _to(team: Team) -> set[str]:
    statement = Statement.objects.get()
    return {one.address or User.objects.get(pk=one.person_id or 0).username for one in mails.recipients(statement)}


def test_who_gets_a_statement(teams: list[Team]) -> None:
    team = teams[0]
    list(closing.close(team.pk, date(2026, 2, 1)))
    for name, role, email in (
        *(("lea", "lead", "lea@example.com"), ("leo", "lead", ""), ("mia", "member", "mia@example.com")),
        ("ida", "lead", "ida@example.com"),
    ):
        user = User.objects.create_user(name, email=email, is_active=name != "ida")
        Membership.objects.create(team=team, user=user, role=role)
    assert _to(team) == {"search@example.com"}
    Team.objects.filter(pk=team.pk).update(contact="Room 7")
    assert _to(team) == {"lea"}
    StatementSchedule.objects.update(recipients="billing@example.com, LEA@example.com")
    assert _to(team) == {"lea", "billing@example.com"}
    team.delete()
    assert _to(team) == {"billing@example.com", "LEA@example.com"}

"""Statements follow each other without gaps, also where two close at once, and nothing changes them afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction

from access.audit import chain, gate
from access.audit.writer import Draft
from access.models import AuditEntry, Team
from tests.usage.added import store
from tests.usage.dated import day, request
from usage.statements import checking
from usage.statements.closing import close
from usage.statements.models import ExchangeRate, Statement, StatementLine

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

MARCH = date(2026, 3, 1)


def _used(*teams: Team) -> None:
    store(
        [
            request(day(f"2026-0{month}-10T10:00:00"), team_id=team.pk, model_name="opus", cost=month * 10**12)
            for team in teams
            for month in (1, 2, 3)
        ]
    )


@pytest.fixture
def teams() -> list[Team]:
    """Two teams with usage in three months."""
    made = [Team.objects.create(name=name) for name in ("Search", "Support")]
    _used(*made)
    return made


def test_months_are_closed_in_order_and_once(teams: list[Team]) -> None:
    assert [one.number for one in close(teams[0].pk, MARCH)] == [1, 2, 3]
    assert list(close(teams[0].pk, MARCH)) == []
    assert [one.number for one in close(teams[1].pk, date(2026, 2, 1))] == [4, 5]
    statements = list(Statement.objects.order_by("number"))
    assert [one.previous for one in statements] == [chain.START, *(one.hash for one in statements[:-1])]
    noted = AuditEntry.objects.filter(action="statement closed").order_by("number")
    assert [entry.object_id for entry in noted] == ["1", "2", "3", "4", "5"]


def test_a_month_that_is_not_over_is_not_closed(teams: list[Team]) -> None:
    last = list(close(teams[0].pk, date(2999, 1, 1)))[-1]
    assert last.ends_at <= last.closed_at
    assert list(close(teams[0].pk + 1000, MARCH)) == []


def test_several_who_close_at_once_make_one_statement_of_each_month(teams: list[Team]) -> None:
    start, made = threading.Barrier(4), list[Statement]()

    def run(team: Team) -> None:
        start.wait()
        made.extend(close(team.pk, MARCH))
        connections.close_all()

    closers = [threading.Thread(target=run, args=(teams[number % 2],)) for number in range(4)]
    for one in closers:
        one.start()
    for one in closers:
        one.join()
    assert sorted(one.number for one in made) == [1, 2, 3, 4, 5, 6]
    assert Statement.objects.count() == 6
    assert list(checking.faults()) == []


def test_the_rate_of_the_month_is_kept_beside_dollars(teams: list[Team]) -> None:
    ExchangeRate.objects.create(month=MARCH, currency="EUR", rate=Decimal("0.915"))
    *before, march = close(teams[0].pk, MARCH)
    assert [(one.currency, one.converted) for one in before] == [("", None)] * 2
    assert (march.total, march.currency, march.converted) == (Decimal(3), "EUR", Decimal("2.74"))
    ExchangeRate.objects.update(rate=Decimal(9))
    assert Statement.objects.get(pk=march.pk).rate == Decimal("0.915")


def test_a_deleted_team_is_closed_by_its_last_name() -> None:
    team = Team.objects.create(name="Gone")
    march = day("2026-03-10T10:00:00")
    store([request(march, team_id=team.pk, team_name="Gone", model_name="opus", cost=1)])
    identity = team.pk
    team.delete()
    (statement,) = close(identity, MARCH)
    assert statement.team_name == "Gone"


def _sql(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)


CHANGES: dict[str, Callable[[], object]] = {
    "save": lambda: Statement.objects.latest("number").save(),
    "update": lambda: Statement.objects.update(total=0),
    "delete": lambda: _sql("DELETE FROM usage_statement"),
    "line update": lambda: StatementLine.objects.update(requests=0),
    "line delete": lambda: StatementLine.objects.all().delete(),
    "line insert": lambda: StatementLine.objects.create(
        statement_id=1, position=9, kind="usage", month=MARCH, requests=1, unknown_cost=0
    ),
    "replaced": lambda: Statement.objects.bulk_create(
        [Statement.objects.get(pk=2)], update_conflicts=True, unique_fields=["number"], update_fields=["total"]
    ),
}


@pytest.mark.parametrize("how", CHANGES)
def test_the_database_refuses_to_change_what_is_closed(teams: list[Team], how: str) -> None:
    list(close(teams[0].pk, MARCH))
    with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
        CHANGES[how]()
    call_command("check_statements")


BEHIND: dict[str, tuple[Callable[[], object], str]] = {
    "a total": (lambda: Statement.objects.filter(pk=2).update(total=7), "Statement 2 or one of its lines was changed."),
    "a line": (
        lambda: StatementLine.objects.filter(statement=1).update(cost=Decimal(9)),
        "Statement 1 or one of its lines was changed.",
    ),
    "a line is gone": (
        lambda: StatementLine.objects.filter(statement=2).delete(),
        "Statement 2 should have 1 lines, and has 0.",
    ),
    "one is gone": (lambda: _removed(2), "Statements 2 to 2 are missing."),
    "the last is gone": (lambda: _removed(3), "The last statement is 2, and by the audit it is 3."),
}


def _removed(number: int) -> None:
    StatementLine.objects.filter(statement=number).delete()
    Statement.objects.filter(pk=number).delete()


@pytest.mark.parametrize("what", BEHIND)
def test_a_change_behind_the_triggers_is_found(teams: list[Team], what: str, capsys: Any) -> None:
    list(close(teams[0].pk, MARCH))
    change, sentence = BEHIND[what]
    with gate.opened(Draft(chain.PRUNED)):
        change()
    with pytest.raises(CommandError, match="not as they were closed"):
        call_command("check_statements")
    assert sentence in capsys.readouterr().out


def test_the_check_names_the_last_hash(teams: list[Team], capsys: Any) -> None:
    call_command("check_statements")
    last = list(close(teams[0].pk, MARCH))[-1]
    call_command("check_statements")
    assert last.hash in capsys.readouterr().out

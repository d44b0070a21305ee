"""Entries follow each other, also where two write at once, and a check finds whatever was changed behind them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from access.audit import chain, context, gate, pruning, record, triggers
from access.audit.writer import Draft
from access.models import AuditEntry, AuditHead, Team

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture
def entries() -> list[AuditEntry]:
    """Three entries."""
    for number in range(3):
        record("tried", name=f"thing {number}", changes={"size": [number, number + 1]})
    return list(AuditEntry.objects.order_by("number"))


def test_each_entry_holds_the_hash_of_the_one_before(entries: list[AuditEntry], capsys: Any) -> None:
    assert [entry.number for entry in entries] == [1, 2, 3]
    assert [entry.previous for entry in entries] == [chain.START, entries[0].hash, entries[1].hash]
    call_command("audit", "--verify")
    assert f"the last is 3.\nIts hash is {entries[2].hash}" in capsys.readouterr().out


def test_what_is_rolled_back_leaves_no_entry(entries: list[AuditEntry]) -> None:
    with transaction.atomic():
        record("tried")
        transaction.set_rollback(True)
    record("tried")
    assert AuditEntry.objects.count() == 4
    assert list(chain.faults()) == []


def test_two_writers_at_once_write_one_chain() -> None:
    start = threading.Barrier(4)

    def write() -> None:
        start.wait()
        for _ in range(10):
            record("tried")
        connections.close_all()

    writers = [threading.Thread(target=write) for _ in range(4)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    assert list(AuditEntry.objects.order_by("number").values_list("number", flat=True)) == list(range(1, 41))
    assert list(chain.faults()) == []


def test_an_entry_says_who_from_where() -> None:
    with context.command_line(["--traceback", "import_config", "secret.yaml"]):
        record("tried")
    entry = AuditEntry.objects.get()
    assert (entry.origin, entry.person_id, entry.address) == ("command import_config", None, "")
    assert entry.person_name.endswith("(on the server)")


@pytest.mark.parametrize("asked", ["_beginning", "_erasures"])
def test_a_check_of_a_live_gateway_is_of_one_state(
    entries: list[AuditEntry], asked: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """While it reads, others write, a person is erased and old entries go."""
    for name in ("root", "mia"):
        User.objects.create_user(name, is_superuser=True)
    original, number = getattr(chain, asked), AuditEntry.objects.count()
    others = iter([lambda: call_command("erase_person", "mia"), lambda: record("tried"), _prune])

    def in_a_thread(other: Callable[[], object]) -> None:
        other()
        connections.close_all()

    def meanwhile(*of: Any) -> Any:
        for other in others:
            thread = threading.Thread(target=in_a_thread, args=(other,))
            thread.start()
            thread.join()
        return original(*of)

    monkeypatch.setattr(chain, asked, meanwhile)
    call_command("audit", "--verify")
    assert AuditEntry.objects.latest("number").number > number
    assert f"{number:,} entries follow each other; the last is {number}." in capsys.readouterr().out
    call_command("audit", "--verify")


def _prune() -> None:
    pruning.prune(timezone.now() + timedelta(days=1))


TAMPERING = {
    "a field": "UPDATE access_auditentry SET action = 'other' WHERE number = 2",
    "a name": "UPDATE access_auditentry SET object_name = 'other' WHERE number = 2",
    "what changed": "UPDATE access_auditentry SET changes = '' WHERE number = 2",
    "a name without its salt": "UPDATE access_auditentry SET object_name = 'other', salt = '' WHERE number = 2",
    "a name as if it were erased": "UPDATE access_auditentry SET person_name = '', salt = '', erased_by = 3 "
    "WHERE number = 2",
    "one less": "DELETE FROM access_auditentry WHERE number = 2",
    "the first is gone": "DELETE FROM access_auditentry WHERE number = 1",
    "the last is gone": "DELETE FROM access_auditentry WHERE number = 3",
    "all are gone": "DELETE FROM access_auditentry",
}


def _without_triggers(statement: str) -> None:
    """Runs a statement as somebody who owns the database."""
    with connection.cursor() as cursor:
        for name, table, _, _ in triggers._RULES:
            cursor.execute(f"DROP TRIGGER audit_{name}" + ("" if connection.vendor == "sqlite" else f" ON {table}"))
        cursor.execute(statement)


NOTES = [
    "{",
    "[" * 100_000,
    "[]",
    '"x"',
    '{"last removed number": "x"}',
    '{"erasures": []}',
    '{"erasures": {"x": 1}}',
    "null",
]


@pytest.mark.parametrize("note", NOTES, ids=range(len(NOTES)))
def test_a_check_finds_what_was_changed_in_the_entry_of_a_pruning(entries: list[AuditEntry], note: str) -> None:
    pruned = {"last removed number": 1, "last removed hash": entries[0].hash}
    with gate.opened(Draft(chain.PRUNED, changes=pruned)):
        AuditEntry.objects.filter(number=1).delete()
    assert list(chain.faults()) == []
    _without_triggers(f"UPDATE access_auditentry SET changes = '{note}' WHERE number = 4")
    with pytest.raises(CommandError, match="Entry 4 was changed"):
        call_command("audit", "--verify")


@pytest.mark.parametrize("how", TAMPERING)
def test_a_check_finds_what_was_changed_without_the_triggers(entries: list[AuditEntry], how: str) -> None:
    _without_triggers(TAMPERING[how])
    with pytest.raises(CommandError, match="tampered"):
        call_command("audit", "--verify")


REFUSED = {
    "change": "UPDATE access_auditentry SET action = 'other'",
    "delete": "DELETE FROM access_auditentry WHERE number = 2",
    "delete all": "DELETE FROM access_auditentry",
    "forget": "DELETE FROM access_audithead",
    "go back": "UPDATE access_audithead SET number = 1",
    "another hash": "UPDATE access_audithead SET hash = 'x'",
    "open the gate": "UPDATE access_audithead SET open = true",
    "a second head": "INSERT INTO access_audithead (id, number, hash, open) VALUES (2, 0, '', true)",
}
OF_SQLITE = {
    "replace": "INSERT OR REPLACE INTO access_auditentry SELECT 1, at, 'other', person_id, person_name, address, "
    "origin, object_type, object_id, object_name, changes, salt, personal_digest, erased_by, previous, hash "
    "FROM access_auditentry WHERE number = 2",
    "change and replace": "UPDATE OR REPLACE access_auditentry SET number = 1 WHERE number = 2",
    "replace the head": "REPLACE INTO access_audithead (id, number, hash, open) VALUES (1, 0, '', true)",
}
OF_POSTGRESQL = {
    "truncate": "TRUNCATE access_auditentry",
    "truncate both": "TRUNCATE access_audithead, access_auditentry",
    "upsert": "INSERT INTO access_auditentry SELECT * FROM access_auditentry "
    "ON CONFLICT (number) DO UPDATE SET action = ''",
}
STATEMENTS = REFUSED | (OF_SQLITE if connection.vendor == "sqlite" else OF_POSTGRESQL)


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_sql_changes_nothing(entries: list[AuditEntry], statement: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert list(AuditEntry.objects.order_by("number").values_list("hash", flat=True)) == [one.hash for one in entries]


def test_the_orm_changes_nothing(entries: list[AuditEntry]) -> None:
    entry = entries[1]
    entry.action = "other"
    for change in (
        lambda: entry.save(),
        lambda: entry.delete(),
        lambda: AuditEntry.objects.update(action="other"),
        lambda: AuditEntry.objects.all().delete(),
        lambda: AuditHead.objects.all().delete(),
        lambda: call_command("flush", interactive=False, verbosity=0),
    ):
        with pytest.raises((DatabaseError, CommandError)), transaction.atomic():
            change()
    assert list(chain.faults()) == []
    assert AuditEntry.objects.count() == 3


def test_the_gate_opens_behind_its_own_entry_alone(entries: list[AuditEntry]) -> None:
    with pytest.raises(DatabaseError, match="append-only"), gate.opened(Draft("tried")):
        pass
    with gate.opened(Draft(chain.PRUNED, changes={"last removed number": 1, "last removed hash": entries[0].hash})):
        AuditEntry.objects.filter(number=1).delete()
    assert list(AuditEntry.objects.order_by("number").values_list("number", flat=True)) == [2, 3, 4]
    assert list(chain.faults()) == []
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEntry.objects.filter(number=2).delete()


def test_triggers_are_installed_again_when_a_table_was_rebuilt(entries: list[AuditEntry]) -> None:
    _without_triggers("SELECT 1")
    call_command("migrate", verbosity=0)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEntry.objects.update(action="other")
    Team.objects.create(name="Search")
    assert list(chain.faults()) == []

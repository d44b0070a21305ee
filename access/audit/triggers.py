"""The triggers that make the audit append-only, whoever writes: forms, the ORM, SQL.

They let changes through while the gate is open, which a row says (so that it holds for one transaction on either
database), and which only opens behind an entry that says what it is opened for.
"""

from __future__ import annotations

from typing import Any

from django.db import connections, transaction

from access.audit import writer
from access.audit.chain import THROUGH_THE_GATE
from access.audit.models import AuditEntry, AuditHead

_ENTRIES = AuditEntry._meta.db_table
_HEADS = AuditHead._meta.db_table
_REFUSAL = "the audit is append-only"
_ACTIONS = ", ".join(f"'{action}'" for action in THROUGH_THE_GATE)
_CLOSED = f"EXISTS (SELECT 1 FROM {_HEADS} WHERE NOT open)"  # noqa: S608
_NO_REASON = f"NOT EXISTS (SELECT 1 FROM {_ENTRIES} WHERE number = OLD.number AND action IN ({_ACTIONS}))"  # noqa: S608
_BACKWARD = (
    "NOT OLD.open AND (NEW.id <> OLD.id OR NEW.number < OLD.number OR (NEW.number = OLD.number AND "
    f"NEW.hash <> OLD.hash) OR (NEW.open AND {_NO_REASON}))"
)

_RULES = (
    # name, table, verb, when it is refused
    ("change", _ENTRIES, "UPDATE", _CLOSED),
    ("delete", _ENTRIES, "DELETE", _CLOSED),
    # SQLite deletes what it replaces without a trigger of its own.
    ("replace", _ENTRIES, "INSERT", f"EXISTS (SELECT 1 FROM {_ENTRIES} WHERE number = NEW.number)"),  # noqa: S608
    ("head_change", _HEADS, "UPDATE", _BACKWARD),
    ("head_delete", _HEADS, "DELETE", "NOT OLD.open"),
    ("head_insert", _HEADS, "INSERT", f"NEW.open OR EXISTS (SELECT 1 FROM {_HEADS} WHERE id <> NEW.id)"),  # noqa: S608
    ("head_replace", _HEADS, "INSERT", f"EXISTS (SELECT 1 FROM {_HEADS} WHERE id = NEW.id)"),  # noqa: S608
)


def install(using: str = "default", **kwargs: Any) -> None:
    """Creates the row that writers lock and the triggers in the database `using`; safe to repeat."""
    connection = connections[using]
    if not {_ENTRIES, _HEADS} <= set(connection.introspection.table_names()):
        return
    with transaction.atomic(using=using), connection.cursor() as cursor:
        writer.lock(using)
        for statement in _statements(connection.vendor):
            cursor.execute(statement)


def _statements(vendor: str) -> list[str]:
    if vendor == "sqlite":
        return [statement for rule in _RULES for statement in _sqlite(*rule)]
    if vendor == "postgresql":
        return [*(statement for rule in _RULES for statement in _postgresql(*rule)), *_truncation()]
    raise NotImplementedError(f"no audit triggers for {vendor}: use PostgreSQL or SQLite")


def _sqlite(name: str, table: str, verb: str, when: str) -> list[str]:
    return [
        f"DROP TRIGGER IF EXISTS audit_{name}",
        f"CREATE TRIGGER audit_{name} BEFORE {verb} ON {table} WHEN {when} "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
    ]


def _postgresql(name: str, table: str, verb: str, when: str) -> list[str]:
    row = "OLD" if verb == "DELETE" else "NEW"
    return [
        f"CREATE OR REPLACE FUNCTION audit_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {when} THEN RAISE EXCEPTION '{_REFUSAL}'; END IF; RETURN {row}; END $$",
        f"CREATE OR REPLACE TRIGGER audit_{name} BEFORE {verb} ON {table} FOR EACH ROW EXECUTE FUNCTION audit_{name}()",
    ]


def _truncation() -> list[str]:
    return [
        "CREATE OR REPLACE FUNCTION audit_truncate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {_CLOSED} THEN RAISE EXCEPTION '{_REFUSAL}'; END IF; RETURN NULL; END $$",
        *(
            f"CREATE OR REPLACE TRIGGER audit_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
            "EXECUTE FUNCTION audit_truncate()"
            for table in (_ENTRIES, _HEADS)
        ),
    ]

"""The triggers that make the audit append-only, whoever writes: forms, the ORM, SQL.

They let changes through while the gate is open, which a row says (so that it holds for one transaction on either
database), and which only opens behind an entry that says what it is opened for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connections, transaction

from access.audit import writer
from access.audit.chain import THROUGH_THE_GATE
from access.audit.models import AuditEntry, AuditHead

_ENTRIES = AuditEntry._meta.db_table
_HEADS = AuditHead._meta.db_table
_REFUSAL = "the audit is append-only"
_ACTIONS = ", ".join(f"'{action}'" for action in THROUGH_THE_GATE)
CLOSED = f"EXISTS (SELECT 1 FROM {_HEADS} WHERE NOT open)"  # noqa: S608
"""SQL: whether the gate is closed."""
_NO_REASON = f"NOT EXISTS (SELECT 1 FROM {_ENTRIES} WHERE number = OLD.number AND action IN ({_ACTIONS}))"  # noqa: S608
_BACKWARD = (
    "NOT OLD.open AND (NEW.id <> OLD.id OR NEW.number < OLD.number OR (NEW.number = OLD.number AND "
    f"NEW.hash <> OLD.hash) OR (NEW.open AND {_NO_REASON}))"
)

Rule = tuple[str, str, str, str]
"""Name, table, verb, and in SQL when a row is refused."""

_RULES: tuple[Rule, ...] = (
    ("change", _ENTRIES, "UPDATE", CLOSED),
    ("delete", _ENTRIES, "DELETE", CLOSED),
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
        for statement in statements(connection.vendor, "audit", _RULES, _REFUSAL):
            cursor.execute(statement)


def statements(vendor: str, prefix: str, rules: Sequence[Rule], refusal: str) -> list[str]:
    """Returns the SQL that creates a trigger for each rule, and on PostgreSQL one against truncation of their tables;
    the refusal is what the error says. Raises NotImplementedError for another database."""
    if vendor == "sqlite":
        return [statement for rule in rules for statement in _sqlite(prefix, refusal, *rule)]
    if vendor == "postgresql":
        tables = sorted({rule[1] for rule in rules})
        made = [statement for rule in rules for statement in _postgresql(prefix, refusal, *rule)]
        return [*made, *_truncation(prefix, refusal, tables)]
    raise NotImplementedError(f"no audit triggers for {vendor}: use PostgreSQL or SQLite")


def _sqlite(prefix: str, refusal: str, name: str, table: str, verb: str, when: str) -> list[str]:
    return [
        f"DROP TRIGGER IF EXISTS {prefix}_{name}",
        f"CREATE TRIGGER {prefix}_{name} BEFORE {verb} ON {table} WHEN {when} "
        f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END",
    ]


def _postgresql(prefix: str, refusal: str, name: str, table: str, verb: str, when: str) -> list[str]:
    row, trigger = "OLD" if verb == "DELETE" else "NEW", f"{prefix}_{name}"
    return [
        f"CREATE OR REPLACE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {when} THEN RAISE EXCEPTION '{refusal}'; END IF; RETURN {row}; END $$",
        f"CREATE OR REPLACE TRIGGER {trigger} BEFORE {verb} ON {table} FOR EACH ROW EXECUTE FUNCTION {trigger}()",
    ]


def _truncation(prefix: str, refusal: str, tables: Sequence[str]) -> list[str]:
    trigger = f"{prefix}_truncate"
    return [
        f"CREATE OR REPLACE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {CLOSED} THEN RAISE EXCEPTION '{refusal}'; END IF; RETURN NULL; END $$",
        *(
            f"CREATE OR REPLACE TRIGGER {trigger} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
            f"EXECUTE FUNCTION {trigger}()"
            for table in tables
        ),
    ]

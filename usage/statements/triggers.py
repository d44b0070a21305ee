"""The triggers that keep statements and their lines as they were closed, whoever writes: forms, the ORM, SQL.

No command opens the audit's gate for them; while it is open they let changes through, as those of the audit do.
"""

from __future__ import annotations

from typing import Any

from django.db import connections, transaction

from access.audit.models import AuditHead
from access.audit.triggers import CLOSED, Rule, statements
from usage.statements.models import Statement, StatementLine

_STATEMENTS = Statement._meta.db_table
_LINES = StatementLine._meta.db_table
_REFUSAL = "a statement that is closed does not change"
_SAME = "number = NEW.number OR (team_id = NEW.team_id AND month = NEW.month)"
_SAME_LINE = "id = NEW.id OR (statement_id = NEW.statement_id AND position = NEW.position)"
_COUNT = f"(SELECT COUNT(*) FROM {_LINES} WHERE statement_id = NEW.statement_id)"  # noqa: S608
_MOST = f"(SELECT line_count FROM {_STATEMENTS} WHERE number = NEW.statement_id)"  # noqa: S608

_RULES: tuple[Rule, ...] = (
    ("change", _STATEMENTS, "UPDATE", CLOSED),
    ("delete", _STATEMENTS, "DELETE", CLOSED),
    # SQLite deletes what it replaces without a trigger of its own.
    ("replace", _STATEMENTS, "INSERT", f"EXISTS (SELECT 1 FROM {_STATEMENTS} WHERE {_SAME})"),  # noqa: S608
    ("line_change", _LINES, "UPDATE", CLOSED),
    ("line_delete", _LINES, "DELETE", CLOSED),
    ("line_replace", _LINES, "INSERT", f"EXISTS (SELECT 1 FROM {_LINES} WHERE {_SAME_LINE})"),  # noqa: S608
    ("line_insert", _LINES, "INSERT", f"{_COUNT} >= {_MOST}"),
)


def install(using: str = "default", **kwargs: Any) -> None:
    """Creates the triggers in the database `using`; safe to repeat."""
    connection = connections[using]
    tables = {_STATEMENTS, _LINES, AuditHead._meta.db_table}
    if not tables <= set(connection.introspection.table_names()):
        return
    with transaction.atomic(using=using), connection.cursor() as cursor:
        for statement in statements(connection.vendor, "usage_statement", _RULES, _REFUSAL):
            cursor.execute(statement)

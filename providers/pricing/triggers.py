"""The trigger that keeps prices which have begun as they are, whoever writes: `queryset.update`, and other programs."""

from __future__ import annotations

from typing import Any

from django.db import connections, transaction

from providers.pricing.prices import TOKEN_KINDS, USE_KINDS, Price

_TABLE = Price._meta.db_table
_REFUSED = "these prices have begun: end them and add others"


def install(using: str = "default", **kwargs: Any) -> None:
    """Creates the trigger in the database `using`, in place of that of another version; safe to repeat."""
    connection = connections[using]
    if _TABLE not in connection.introspection.table_names():
        return
    with transaction.atomic(using=using), connection.cursor() as cursor:
        for statement in _statements(connection.vendor):
            cursor.execute(statement)


def _statements(vendor: str) -> list[str]:
    is_sqlite = vendor == "sqlite"
    differs = "IS NOT" if is_sqlite else "IS DISTINCT FROM"
    now = "strftime('%Y-%m-%d %H:%M:%f', 'now')" if is_sqlite else "clock_timestamp()"
    changed = " OR ".join(f"OLD.{field} {differs} NEW.{field}" for field in (*TOKEN_KINDS, *USE_KINDS, "valid_from"))
    moved = f"NEW.model_id IS NOT NULL AND OLD.model_id {differs} NEW.model_id"
    prolonged = f"OLD.valid_until <= {now} AND OLD.valid_until {differs} NEW.valid_until"
    when = f"(OLD.valid_from IS NULL OR OLD.valid_from <= {now}) AND ({changed} OR ({moved}) OR ({prolonged}))"
    if is_sqlite:
        return [
            "DROP TRIGGER IF EXISTS price_kept",
            f"CREATE TRIGGER price_kept BEFORE UPDATE ON {_TABLE} WHEN {when} "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
        ]
    return [
        "CREATE OR REPLACE FUNCTION price_kept() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}' USING ERRCODE = 'check_violation'; END $$",
        f"CREATE OR REPLACE TRIGGER price_kept BEFORE UPDATE ON {_TABLE} FOR EACH ROW WHEN ({when}) "
        "EXECUTE FUNCTION price_kept()",
    ]

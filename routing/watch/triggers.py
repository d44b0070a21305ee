"""Triggers that have PostgreSQL notify when counters of the configuration, signals, circuits or messages change.

They stand on the tables that are read, so whoever writes these is noticed, whatever trigger or person that is.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from access.models import OutboxMessage
from routing.models import HealthState, Revision, Signal
from routing.watch.news import Topic
from usage.statements.models import StatementMail

CHANNEL: Final = "gateway_changes"
TABLES: Final = {
    Revision._meta.db_table: Topic.CONFIGURATION,
    Signal._meta.db_table: Topic.CONFIGURATION,
    HealthState._meta.db_table: Topic.HEALTH,
    OutboxMessage._meta.db_table: Topic.MESSAGES,
    StatementMail._meta.db_table: Topic.MESSAGES,
}
"""What each table says something of. A notification has the name of the table."""
_FUNCTION: Final = (
    "CREATE OR REPLACE FUNCTION gateway_notify() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN PERFORM pg_notify('{CHANNEL}', TG_TABLE_NAME::text); RETURN NULL; END $$"
)


def install(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Creates what is not there as it should be; safe to repeat, and beside a running gateway: each table is locked
    alone, and not at all where its trigger is there already."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    tables = set(connection.introspection.table_names())
    if not tables.issuperset(TABLES):
        return
    with connection.cursor() as cursor:
        cursor.execute(_FUNCTION)
    for table in TABLES:
        if not _is_installed(connection, table):
            with transaction.atomic(using=using), connection.cursor() as cursor:
                cursor.execute(
                    f"CREATE OR REPLACE TRIGGER {_name(table)} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
                    f"FOR EACH STATEMENT EXECUTE FUNCTION gateway_notify()"
                )


def fire(using: str = DEFAULT_DB_ALIAS) -> None:
    """Fires all of them from a connection of its own, and changes no row. Raises django.db.Error."""
    connection = connections.create_connection(using)
    try:
        with connection.cursor() as cursor:
            for table in TABLES:
                # A trigger of a statement is fired by one that finds no row, too.
                cursor.execute(f"DELETE FROM {table} WHERE false")  # noqa: S608
    finally:
        connection.close()


def _is_installed(connection: BaseDatabaseWrapper, table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND tgname = %s "
            "AND tgenabled = 'O'",
            [table, _name(table)],
        )
        found = cursor.fetchone()
    return found is not None and "TRUNCATE" in found[0] and "gateway_notify()" in found[0]


def _name(table: str) -> str:
    return f"notify_{table}"

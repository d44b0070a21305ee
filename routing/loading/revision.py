"""The revision counters and the database triggers that increment them.

Configuration is written by forms, `queryset.update`, `bulk_create`, imports and shells in other processes; only the
database sees all of these writes.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connections, transaction
from django.db.models import F

from routing.models import Revision, Signal

WATCHED: dict[str, Revision.Scope] = {
    "access.Team": Revision.Scope.ACCESS,
    "access.SiteRole": Revision.Scope.ACCESS,
    "access.Membership": Revision.Scope.ACCESS,
    "access.ClientKey": Revision.Scope.ACCESS,
    "access.RateLimit": Revision.Scope.ACCESS,
    "access.Budget": Revision.Scope.ACCESS,
    "providers.Provider": Revision.Scope.ROUTING,
    "providers.Credential": Revision.Scope.ROUTING,
    "providers.Model": Revision.Scope.ROUTING,
    "providers.Price": Revision.Scope.ROUTING,
    "routing.Route": Revision.Scope.ROUTING,
    "routing.Candidate": Revision.Scope.ROUTING,
    "routing.Alias": Revision.Scope.ROUTING,
    "routing.ScenarioRoute": Revision.Scope.ROUTING,
    "routing.Rule": Revision.Scope.ROUTING,
    "routing.Concept": Revision.Scope.ROUTING,
}
"""Model -> the scope whose counter a write to its table increments. Changes of other models are never noticed."""

PERSON_FIELDS = ("is_active", "username")
"""Of a person only these decide anything for requests: whether their keys work, and whose name a usage row has. Every
sign-in writes other fields."""

_READ = (
    f"SELECT 0, scope, number FROM {Revision._meta.db_table} "  # noqa: S608
    f"UNION ALL SELECT 1, name, number FROM {Signal._meta.db_table}"
)
"""Both in one query, which every worker makes a few times a second."""
_BUMP = "UPDATE routing_revision SET number = number + 1 WHERE scope = '{scope}';"


def install_triggers(using: str = "default", **kwargs: Any) -> None:
    """Creates the counters and all triggers in the database `using`, in place of those of another version; safe to
    repeat."""
    connection = connections[using]
    tables = set(connection.introspection.table_names())
    if Revision._meta.db_table not in tables:
        return
    with transaction.atomic(using=using):
        for scope in Revision.Scope:
            Revision.objects.using(using).get_or_create(scope=scope)
        if Signal._meta.db_table in tables:
            for name in Signal.Name:
                Signal.objects.using(using).get_or_create(name=name)
        with connection.cursor() as cursor:
            for label, scope in WATCHED.items():
                table = apps.get_model(label)._meta.db_table
                if table in tables:
                    for statement in _statements(connection.vendor, table, scope):
                        cursor.execute(statement)
            people = get_user_model()._meta.db_table
            if people in tables:
                for statement in _person_statements(connection.vendor, people):
                    cursor.execute(statement)


def numbers(using: str = "default") -> dict[str, int]:
    """Returns the current counters: scope -> number."""
    return read(using)[0]


def read(using: str = "default") -> tuple[dict[str, int], dict[str, int]]:
    """Returns the current counters of the configuration, scope -> number, and those of the signals, name -> number."""
    counters: dict[str, int] = {}
    signals: dict[str, int] = {}
    with connections[using].cursor() as cursor:
        cursor.execute(_READ)
        for is_signal, name, number in cursor.fetchall():
            (signals if is_signal else counters)[name] = number
    return counters, signals


def signal(what: Signal.Name) -> None:
    """Tells every worker, within a second: it goes out with the caller's transaction."""
    Signal.objects.filter(name=what).update(number=F("number") + 1)


def _statements(vendor: str, table: str, scope: Revision.Scope) -> list[str]:
    bump = _BUMP.format(scope=scope.value)
    if vendor == "sqlite":
        return [
            statement
            for verb in ("INSERT", "UPDATE", "DELETE")
            for statement in _on_sqlite(table, verb, f"BEGIN {bump} END")
        ]
    if vendor == "postgresql":
        return [
            f"CREATE OR REPLACE FUNCTION revision_bump_{scope.value}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {bump} RETURN NULL; END $$",
            f"CREATE OR REPLACE TRIGGER revision_{table} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION revision_bump_{scope.value}()",
        ]
    raise NotImplementedError(f"no revision triggers for {vendor}: use PostgreSQL or SQLite")


def _person_statements(vendor: str, table: str) -> list[str]:
    scope = Revision.Scope.ACCESS.value
    if vendor == "sqlite":
        bump = _BUMP.format(scope=scope)
        differ = " OR ".join(f"OLD.{field} IS NOT NEW.{field}" for field in PERSON_FIELDS)
        return [
            *_on_sqlite(table, "UPDATE", f"WHEN {differ} BEGIN {bump} END"),
            *_on_sqlite(table, "DELETE", f"BEGIN {bump} END"),
        ]
    differ = " OR ".join(f"OLD.{field} IS DISTINCT FROM NEW.{field}" for field in PERSON_FIELDS)
    run = f"EXECUTE FUNCTION revision_bump_{scope}()"
    return [
        f"CREATE OR REPLACE TRIGGER revision_{table}_update AFTER UPDATE ON {table} FOR EACH ROW WHEN ({differ}) {run}",
        f"CREATE OR REPLACE TRIGGER revision_{table}_delete AFTER DELETE ON {table} FOR EACH ROW {run}",
    ]


def _on_sqlite(table: str, verb: str, action: str) -> list[str]:
    name = f"revision_{table}_{verb.lower()}"
    return [f"DROP TRIGGER IF EXISTS {name}", f"CREATE TRIGGER {name} AFTER {verb} ON {table} {action}"]

"""The revision counters and the database triggers that increment them.

Configuration is written by forms, `queryset.update`, `bulk_create`, imports and shells in other processes; only the
database sees all of these writes.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import connections, transaction

from routing.models import Revision

WATCHED: dict[str, Revision.Scope] = {
    "access.Team": Revision.Scope.ACCESS,
    "access.ClientKey": Revision.Scope.ACCESS,
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

_BUMP = "UPDATE routing_revision SET number = number + 1 WHERE scope = '{scope}';"


def install_triggers(using: str = "default", **kwargs: Any) -> None:
    """Creates the counters and all triggers in the database `using`; safe to repeat."""
    connection = connections[using]
    tables = set(connection.introspection.table_names())
    if Revision._meta.db_table not in tables:
        return
    with transaction.atomic(using=using):
        for scope in Revision.Scope:
            Revision.objects.using(using).get_or_create(scope=scope)
        with connection.cursor() as cursor:
            for label, scope in WATCHED.items():
                table = apps.get_model(label)._meta.db_table
                if table in tables:
                    for statement in _statements(connection.vendor, table, scope):
                        cursor.execute(statement)


def numbers(using: str = "default") -> dict[str, int]:
    """Returns the current counters: scope -> number."""
    return dict(Revision.objects.using(using).values_list("scope", "number"))


def _statements(vendor: str, table: str, scope: Revision.Scope) -> list[str]:
    bump = _BUMP.format(scope=scope.value)
    if vendor == "sqlite":
        return [
            f"CREATE TRIGGER IF NOT EXISTS revision_{table}_{verb.lower()} AFTER {verb} ON {table} BEGIN {bump} END"
            for verb in ("INSERT", "UPDATE", "DELETE")
        ]
    if vendor == "postgresql":
        return [
            f"CREATE OR REPLACE FUNCTION revision_bump_{scope.value}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {bump} RETURN NULL; END $$",
            f"CREATE OR REPLACE TRIGGER revision_{table} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION revision_bump_{scope.value}()",
        ]
    raise NotImplementedError(f"no revision triggers for {vendor}: use PostgreSQL or SQLite")

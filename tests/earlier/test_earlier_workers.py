"""Between `migrate` and their restart workers of the earlier version insert rows with the columns that they know."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection

from access.models import Budget, RateLimit, Team
from tests.earlier.restored import expected

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("earlier")]

_WRITTEN = ("RequestLog", "AttemptLog", "SetAside", "UsageRollup", "DailyRollup", "SessionSummary")


@pytest.mark.parametrize("name", _WRITTEN)
def test_a_row_with_the_earlier_columns_alone_is_taken(name: str) -> None:
    model = apps.get_model("usage", name)
    known = [model._meta.get_field(column).column for column in expected()["rows"][f"usage.{name}"][0]]
    columns = ", ".join(column for column in known if column != "id")
    identity = uuid4() if model._meta.pk.get_internal_type() == "UUIDField" else 10**6
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(model._meta.db_table)
        cursor.execute(
            f"INSERT INTO {table} (id, {columns}) SELECT %s, {columns} FROM {table} LIMIT 1",
            [identity if isinstance(identity, int) else model._meta.pk.get_db_prep_value(identity, connection)],
        )
    row = model._default_manager.get(pk=identity)
    added = [field for field in model._meta.concrete_fields if field.column not in known and not field.null]
    assert not any(getattr(row, field.attname) for field in added)


@pytest.mark.parametrize("made", [Budget(amount=5), RateLimit(measure="requests", most=5)], ids=["budget", "limit"])
def test_pages_that_do_not_know_leads_save_what_an_administrator_sets(made: Budget | RateLimit) -> None:
    made.team = Team.objects.all()[0]
    fields = [field for field in made._meta.concrete_fields if field.name not in ("id", "leads_may_change")]
    columns = ", ".join(str(field.column) for field in fields)
    values = [field.get_db_prep_save(field.pre_save(made, True), connection) for field in fields]
    table = connection.ops.quote_name(made._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({', '.join(['%s'] * len(fields))})", values)
    row = type(made)._default_manager.latest("id")
    assert (row.team, row.leads_may_change) == (made.team, False)

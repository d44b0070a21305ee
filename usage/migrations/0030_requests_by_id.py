"""The id of a request is its primary key with a prefix, so `request_id` needs no index of its own.

To alter the field would write the whole table anew on SQLite: the index is dropped, and nothing else.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations, models


def drop(apps: Any, editor: Any) -> None:
    """Drop what indexes the column; on PostgreSQL that is one for equality and one for LIKE, in each partition."""
    table = apps.get_model("usage", "RequestLog")._meta.db_table
    with editor.connection.cursor() as cursor:
        found = editor.connection.introspection.get_constraints(cursor, table)
    for name, constraint in found.items():
        if constraint["index"] and constraint["columns"] == ["request_id"]:
            editor.execute(f"DROP INDEX {editor.quote_name(name)}")


def create(apps: Any, editor: Any) -> None:
    """Create it again."""
    model = apps.get_model("usage", "RequestLog")
    field = models.CharField(max_length=40, db_index=True)
    field.set_attributes_from_name("request_id")
    field.model = model
    for statement in editor._field_indexes_sql(model, field):
        editor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ('usage', '0029_refusals'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            [migrations.RunPython(drop, create)],
            [migrations.AlterField('requestlog', 'request_id', models.CharField(max_length=40))],
        ),
    ]

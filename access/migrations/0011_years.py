"""Moments are within the years that every time zone knows. No column changes."""

from datetime import UTC, datetime

from django.db import migrations, models

import access.validation


def end_never(apps, schema_editor):
    """Keys that were imported with the end of the calendar as their expiry, which stands for never, have none."""
    keys = apps.get_model("access", "ClientKey").objects.using(schema_editor.connection.alias)
    keys.filter(expires_at__gte=datetime(9999, 1, 1, tzinfo=UTC)).update(expires_at=None)


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0010_imported_hash"),
    ]

    operations = [
        migrations.RunPython(end_never, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="clientkey",
            name="disabled_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, validators=[access.validation.validate_year]
            ),
        ),
        migrations.AlterField(
            model_name="clientkey",
            name="expires_at",
            field=models.DateTimeField(
                blank=True,
                help_text="From then on the key is rejected. Empty: it never expires.",
                null=True,
                validators=[access.validation.validate_year],
            ),
        ),
        migrations.AlterField(
            model_name="clientkey",
            name="previous_until",
            field=models.DateTimeField(
                editable=False,
                help_text="Until then the secret before the rotation is accepted as well.",
                null=True,
                validators=[access.validation.validate_year],
            ),
        ),
        migrations.AlterField(
            model_name="clientkey",
            name="revoked_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, validators=[access.validation.validate_year]
            ),
        ),
    ]

"""Moments are within the years that every time zone knows. No column changes."""

import access.validation
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0010_kept_prices"),
    ]

    operations = [
        migrations.AlterField(
            model_name="price",
            name="valid_from",
            field=models.DateTimeField(
                blank=True,
                help_text="When these prices begin; may be in the future. Empty: no beginning.",
                null=True,
                validators=[access.validation.validate_year],
            ),
        ),
        migrations.AlterField(
            model_name="price",
            name="valid_until",
            field=models.DateTimeField(
                blank=True,
                help_text="When these prices end. Empty: no end.",
                null=True,
                validators=[access.validation.validate_year],
            ),
        ),
    ]

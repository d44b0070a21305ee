"""Where a price is from, and when it was set: unknown of the prices that there are."""

import django.utils.timezone
from django.db import migrations, models

SOURCES = [
    ("hand", "typed by hand"),
    ("library", "price library"),
    ("provider", "provider's list"),
    ("file", "imported file"),
    ("preset", "came with the gateway"),
]


class Migration(migrations.Migration):

    dependencies = [
        ("providers", "0011_years"),
    ]

    operations = [
        migrations.AddField(
            model_name="price",
            name="set_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="price",
            name="set_at",
            field=models.DateTimeField(default=django.utils.timezone.now, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="price",
            name="source",
            field=models.CharField(blank=True, choices=SOURCES, db_default="", editable=False, max_length=8),
        ),
        migrations.AlterField(
            model_name="price",
            name="source",
            field=models.CharField(
                blank=True, choices=SOURCES, db_default="", default="hand", editable=False, max_length=8
            ),
        ),
    ]

"""Adds the hash of a key's imported secret, and fills it in where it is still known."""

from django.db import migrations, models
from django.db.models import F
from django.db.models.functions import Coalesce


def fill(apps, schema_editor):
    """A key that was rotated once has it as its previous one; one that was rotated twice does not say any more that it
    was imported."""
    keys = apps.get_model("access", "ClientKey").objects.using(schema_editor.connection.alias)
    keys.exclude(imported_from="").update(imported_hash=Coalesce(F("previous_hash"), F("hash")))


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0009_tags_of_clients'),
    ]

    operations = [
        migrations.AddField(
            model_name='clientkey',
            name='imported_hash',
            field=models.CharField(editable=False, help_text='SHA-256 of the secret that was imported. No rotation clears it: it never becomes a key again.', max_length=64, null=True, unique=True),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]

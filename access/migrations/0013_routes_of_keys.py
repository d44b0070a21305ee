"""Names of routes have no white space. No column changes."""

import access.validation
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0012_disabled_by'),
    ]

    operations = [
        migrations.AlterField(
            model_name='clientkey',
            name='allowed_routes',
            field=models.TextField(blank=True, help_text='Route names that this key may use, one per line; * matches any characters. Empty: all routes.', validators=[access.validation.validate_routes]),
        ),
    ]

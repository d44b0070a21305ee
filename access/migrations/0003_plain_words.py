from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0002_tags_and_routing'),
    ]

    operations = [
        migrations.AlterField(
            model_name='clientkey',
            name='allowed_routes',
            field=models.TextField(blank=True, help_text='Route names that this key may use, one per line; * matches any characters. Empty: all routes.'),
        ),
        migrations.AlterField(
            model_name='clientkey',
            name='expires_at',
            field=models.DateTimeField(blank=True, help_text='From then on the key is rejected. Empty: it never expires.', null=True),
        ),
        migrations.AlterField(
            model_name='clientkey',
            name='prefix',
            field=models.CharField(editable=False, help_text='The first characters, to identify the key.', max_length=16),
        ),
        migrations.AlterField(
            model_name='clientkey',
            name='shows_routing',
            field=models.BooleanField(default=False, help_text='On: response headers name the chosen route and model.', verbose_name='may see routing'),
        ),
        migrations.AlterField(
            model_name='clientkey',
            name='tags',
            field=models.CharField(blank=True, help_text='Tags that rules can match, separated by commas, such as ci, trial.', max_length=200),
        ),
        migrations.AlterField(
            model_name='team',
            name='enabled',
            field=models.BooleanField(default=True, help_text='Off: all keys of the team are rejected with 403.'),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('usage', '0005_fidelity'),
    ]

    operations = [
        migrations.AlterField(
            model_name='dailyrollup',
            name='duration_bins',
            field=models.JSONField(help_text='Duration, as usage.rollups.histogram counts.'),
        ),
        migrations.AlterField(
            model_name='dailyrollup',
            name='first_token_bins',
            field=models.JSONField(help_text='Time to the first token, as usage.rollups.histogram counts.'),
        ),
        migrations.AlterField(
            model_name='usagerollup',
            name='duration_bins',
            field=models.JSONField(help_text='Duration, as usage.rollups.histogram counts.'),
        ),
        migrations.AlterField(
            model_name='usagerollup',
            name='first_token_bins',
            field=models.JSONField(help_text='Time to the first token, as usage.rollups.histogram counts.'),
        ),
    ]

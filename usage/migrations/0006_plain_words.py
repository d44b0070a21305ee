from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('usage', '0005_fidelity'),
    ]

    operations = [
        migrations.AlterField(
            model_name='attemptlog',
            name='cache_write_1h_tokens',
            field=models.BigIntegerField(help_text='Part of cache write: cached for an hour.', null=True),
        ),
        migrations.AlterField(
            model_name='attemptlog',
            name='estimated',
            field=models.BooleanField(default=False, help_text='Tokens were estimated here: the provider reported none.'),
        ),
        migrations.AlterField(
            model_name='attemptlog',
            name='number',
            field=models.PositiveSmallIntegerField(help_text='1 is the first attempt.'),
        ),
        migrations.AlterField(
            model_name='attemptlog',
            name='price_id',
            field=models.BigIntegerField(help_text='The prices that the cost was computed from.', null=True, verbose_name='price'),
        ),
        migrations.AlterField(
            model_name='attemptlog',
            name='web_searches',
            field=models.BigIntegerField(help_text='Run by the provider, which bills them separately.', null=True),
        ),
        migrations.AlterField(
            model_name='dailyrollup',
            name='cache_write_1h_tokens',
            field=models.BigIntegerField(help_text='Part of cache write: cached for an hour.', null=True),
        ),
        migrations.AlterField(
            model_name='dailyrollup',
            name='duration_bins',
            field=models.JSONField(help_text='Duration, as usage.rollups.histogram counts.'),
        ),
        migrations.AlterField(
            model_name='dailyrollup',
            name='estimated',
            field=models.BigIntegerField(help_text='Requests whose tokens were estimated here.'),
        ),
        migrations.AlterField(
            model_name='dailyrollup',
            name='first_token_bins',
            field=models.JSONField(help_text='Time to the first token, as usage.rollups.histogram counts.'),
        ),
        migrations.AlterField(
            model_name='dailyrollup',
            name='id',
            field=models.UUIDField(editable=False, help_text='Digest of the dimensions and the moment.', primary_key=True, serialize=False),
        ),
        migrations.AlterField(
            model_name='dailyrollup',
            name='outcome',
            field=models.CharField(blank=True, max_length=14),
        ),
        migrations.AlterField(
            model_name='dailyrollup',
            name='unknown_tokens',
            field=models.BigIntegerField(help_text='Requests whose input or output tokens are unknown.'),
        ),
        migrations.AlterField(
            model_name='dailyrollup',
            name='web_searches',
            field=models.BigIntegerField(help_text='Run by the provider, which bills them separately.', null=True),
        ),
        migrations.AlterField(
            model_name='requestlog',
            name='cache_write_1h_tokens',
            field=models.BigIntegerField(help_text='Part of cache write: cached for an hour.', null=True),
        ),
        migrations.AlterField(
            model_name='requestlog',
            name='estimated',
            field=models.BooleanField(default=False, help_text='Tokens were estimated here: the provider reported none.'),
        ),
        migrations.AlterField(
            model_name='requestlog',
            name='phase',
            field=models.CharField(blank=True, help_text='The routing phase that chose the route.', max_length=40),
        ),
        migrations.AlterField(
            model_name='requestlog',
            name='price_id',
            field=models.BigIntegerField(help_text='The prices that the cost was computed from.', null=True, verbose_name='price'),
        ),
        migrations.AlterField(
            model_name='requestlog',
            name='request_model',
            field=models.CharField(blank=True, max_length=200, verbose_name='requested model'),
        ),
        migrations.AlterField(
            model_name='requestlog',
            name='rule',
            field=models.CharField(blank=True, help_text='What matched in that phase.', max_length=160),
        ),
        migrations.AlterField(
            model_name='requestlog',
            name='web_searches',
            field=models.BigIntegerField(help_text='Run by the provider, which bills them separately.', null=True),
        ),
        migrations.AlterField(
            model_name='sessionsummary',
            name='cache_write_1h_tokens',
            field=models.BigIntegerField(help_text='Part of cache write: cached for an hour.', null=True),
        ),
        migrations.AlterField(
            model_name='sessionsummary',
            name='estimated',
            field=models.BigIntegerField(help_text='Requests whose tokens were estimated here.'),
        ),
        migrations.AlterField(
            model_name='sessionsummary',
            name='id',
            field=models.UUIDField(editable=False, help_text='Digest of the dimensions and the moment.', primary_key=True, serialize=False),
        ),
        migrations.AlterField(
            model_name='sessionsummary',
            name='unknown_tokens',
            field=models.BigIntegerField(help_text='Requests whose input or output tokens are unknown.'),
        ),
        migrations.AlterField(
            model_name='sessionsummary',
            name='web_searches',
            field=models.BigIntegerField(help_text='Run by the provider, which bills them separately.', null=True),
        ),
        migrations.AlterField(
            model_name='setaside',
            name='cause',
            field=models.TextField(help_text='The error of the database.'),
        ),
        migrations.AlterField(
            model_name='setaside',
            name='payload',
            field=models.JSONField(help_text='The columns of the request and its attempts.'),
        ),
        migrations.AlterField(
            model_name='usagerollup',
            name='cache_write_1h_tokens',
            field=models.BigIntegerField(help_text='Part of cache write: cached for an hour.', null=True),
        ),
        migrations.AlterField(
            model_name='usagerollup',
            name='duration_bins',
            field=models.JSONField(help_text='Duration, as usage.rollups.histogram counts.'),
        ),
        migrations.AlterField(
            model_name='usagerollup',
            name='estimated',
            field=models.BigIntegerField(help_text='Requests whose tokens were estimated here.'),
        ),
        migrations.AlterField(
            model_name='usagerollup',
            name='first_token_bins',
            field=models.JSONField(help_text='Time to the first token, as usage.rollups.histogram counts.'),
        ),
        migrations.AlterField(
            model_name='usagerollup',
            name='id',
            field=models.UUIDField(editable=False, help_text='Digest of the dimensions and the moment.', primary_key=True, serialize=False),
        ),
        migrations.AlterField(
            model_name='usagerollup',
            name='outcome',
            field=models.CharField(blank=True, max_length=14),
        ),
        migrations.AlterField(
            model_name='usagerollup',
            name='unknown_tokens',
            field=models.BigIntegerField(help_text='Requests whose input or output tokens are unknown.'),
        ),
        migrations.AlterField(
            model_name='usagerollup',
            name='web_searches',
            field=models.BigIntegerField(help_text='Run by the provider, which bills them separately.', null=True),
        ),
    ]

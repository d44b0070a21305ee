"""Usage added up: by quarter hour, by day, by session. Written by `upsert` and rebuilt by `rebuild` only.

The dimension set is team, key, route, provider, model and outcome, each with its id and its name of that time; a row's
id is a digest of them and of the moment. The user is left out as long as keys have no owner, and tags as long as
requests have none. Sums count known values only and are NULL where no row knew; counts beside them say how many did
not.
"""

from __future__ import annotations

from django.db import models

from usage.money import DollarsField


class _Sums(models.Model):
    """What every summary counts and adds up."""

    id = models.UUIDField(primary_key=True, editable=False, help_text="Digest of what the row stands for.")
    team_id = models.BigIntegerField(null=True)
    team_name = models.CharField("team", max_length=80, blank=True)
    key_id = models.BigIntegerField(null=True)
    key_name = models.CharField("key", max_length=80, blank=True)
    requests = models.BigIntegerField()
    attempts = models.BigIntegerField()
    unknown_tokens = models.BigIntegerField(help_text="Requests whose input or output tokens nobody told.")
    unknown_cost = models.BigIntegerField(help_text="Requests without a cost.")
    estimated = models.BigIntegerField(help_text="Requests whose tokens were counted here.")
    input_tokens = models.BigIntegerField("input", null=True)
    cache_read_tokens = models.BigIntegerField("cache read", null=True)
    cache_write_tokens = models.BigIntegerField("cache write", null=True)
    cache_write_1h_tokens = models.BigIntegerField(null=True, help_text="Part of cache write: kept for an hour.")
    output_tokens = models.BigIntegerField("output", null=True)
    reasoning_tokens = models.BigIntegerField(null=True, help_text="Part of the output.")
    web_searches = models.BigIntegerField(null=True)
    cost = DollarsField("cost (USD)", null=True)
    provider_cost = DollarsField("provider's own cost (USD)", null=True)

    class Meta:
        abstract = True


class _Rollup(_Sums):
    """One dimension set in one span of time."""

    starts_at = models.DateTimeField()
    overall = models.BooleanField(help_text="All of this outcome together: every other dimension is empty.")
    route_id = models.BigIntegerField(null=True)
    route_name = models.CharField("route", max_length=160, blank=True)
    provider_id = models.BigIntegerField(null=True)
    provider_name = models.CharField("provider", max_length=60, blank=True)
    model_id = models.BigIntegerField(null=True)
    model_name = models.CharField("model", max_length=160, blank=True)
    outcome = models.CharField(max_length=14)
    first_token_bins = models.JSONField(help_text="Time to the first token, as usage.rollups.histogram counts.")
    duration_bins = models.JSONField(help_text="Duration, as usage.rollups.histogram counts.")

    class Meta:
        abstract = True


class UsageRollup(_Rollup):
    """Requests that started in the 15 minutes from `starts_at`; these fit the days of every time zone of today."""

    class Meta:
        verbose_name = "usage by quarter hour"
        indexes = [
            models.Index(fields=["overall", "starts_at"], name="usage_rollup_starts"),
            models.Index(fields=["key_id", "starts_at"], name="usage_rollup_key"),
        ]

    def __str__(self) -> str:
        return f"15 minutes from {self.starts_at:%Y-%m-%d %H:%M}"


class DailyRollup(_Rollup):
    """Requests of one day of TIME_ZONE; `starts_at` is its first moment. RollupZone says if the days are whole."""

    class Meta:
        verbose_name = "usage by day"
        indexes = [
            models.Index(fields=["overall", "starts_at"], name="usage_daily_starts"),
            models.Index(fields=["key_id", "starts_at"], name="usage_daily_key"),
        ]

    def __str__(self) -> str:
        return f"the day from {self.starts_at:%Y-%m-%d %H:%M}"


class SessionSummary(_Sums):
    """All requests of one session id under one key, with the names that its newest request had."""

    session_id = models.CharField(max_length=80)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    errors = models.BigIntegerField()

    class Meta:
        verbose_name = "session"
        verbose_name_plural = "sessions"
        indexes = [
            models.Index(fields=["session_id"], name="usage_session_id"),
            models.Index(fields=["last_seen"], name="usage_session_seen"),
            models.Index(fields=["team_id", "last_seen"], name="usage_session_team"),
        ]

    def __str__(self) -> str:
        return self.session_id


class RollupZone(models.Model):
    """The one row that names the TIME_ZONE whose days DailyRollup holds whole. Another zone is answered from quarter
    hours, which is slower, until `manage.py rebuild_rollups` has made its days."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(max_length=80)

    class Meta:
        verbose_name = "time zone of the daily rollups"

    def __str__(self) -> str:
        return self.name

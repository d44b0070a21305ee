"""Usage added up: by quarter hour, by day, by month, by session. Written by `upsert` and rebuilt by `rebuild` only.

Columns come from usage.rollups.measures. The dimensions are team, key, owner, route, provider, model and outcome, with
the ids and names of that time; a row's id is a digest of them and of the moment. Sums are of known values, else NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models

from usage.money import DollarsField
from usage.rollups import measures
from usage.rollups.measures import ATTEMPT_MEASURES, MEASURES, Measure

M = TypeVar("M", bound=models.Model)
_OF_TEAM = ("team_id", "team_name", "outcome")

IMPORTED_ROUTE = "imported from LiteLLM"
"""The route of usage that another gateway recorded, a name that no route can have: it never had rows here, nor tags."""


def _column(measure: Measure) -> Any:
    label = measure.label or None
    if measure.kind == "dimension" and measure.max_length:
        # With a default of the database's own, workers of the version before can still insert.
        later: dict[str, Any] = {"db_default": ""} if measure.name == "owner_name" else {}
        return models.CharField(label, max_length=measure.max_length, blank=True, **later)
    if measure.kind == "bins":
        return models.JSONField(label, help_text=measure.help_text)
    integer = DollarsField if measure.unit == "money" else models.BigIntegerField
    return integer(label, null=measure.kind != "count", help_text=measure.help_text)


def _with_columns(of: Iterable[Measure]) -> Callable[[type[M]], type[M]]:
    """Returns the class decorator that adds the columns of measures to a model."""

    def add(model: type[M]) -> type[M]:
        for measure in of:
            model.add_to_class(measure.name, _column(measure))
        return model

    return add


@_with_columns(measures.of_kind("sum"))
class SumColumns(models.Model):
    """The sums: what a request has of each in its row, and what rollups add up."""

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        # Those that code names; a new one needs no line here.
        input_tokens: int | None
        cache_read_tokens: int | None
        cache_write_tokens: int | None
        cache_write_1h_tokens: int | None
        output_tokens: int | None
        reasoning_tokens: int | None
        web_searches: int | None
        cost: Any  # Decimal | None, as loose as DollarsField
        input_cost: Any
        cache_read_cost: Any
        cache_write_cost: Any
        output_cost: Any
        other_cost: Any
        provider_cost: Any


@_with_columns(measure for measure in MEASURES if measure.kind == "count" or measure.in_sessions)
class _Summary(SumColumns):
    """The columns of everything that is added up."""

    id = models.UUIDField(primary_key=True, editable=False, help_text="Digest of the dimensions and the moment.")

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        team_id: int | None
        team_name: str
        key_id: int | None
        key_name: str
        owner_id: int | None
        owner_name: str
        requests: int
        attempts: int
        unknown_tokens: int
        unknown_cost: int
        estimated: int


@_with_columns(measure for measure in MEASURES if measure.kind in {"dimension", "bins"} and not measure.in_sessions)
class _Rollup(_Summary):
    """One set of dimensions in one span of time."""

    starts_at = models.DateTimeField()
    overall = models.BooleanField(help_text="All of this outcome together: every other dimension is empty.")

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        route_id: int | None
        route_name: str
        provider_id: int | None
        provider_name: str
        model_id: int | None
        model_name: str
        outcome: str
        first_token_bins: dict[str, int]
        duration_bins: dict[str, int]


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
    """Requests of one day of TIME_ZONE; `starts_at` is its first moment. RollupZone names the zone of complete days.

    A day is stored three times: by all dimensions, without key and owner (`keyless`), and as a whole (`overall`). A sum
    over more than one of them counts twice.
    """

    keyless = models.BooleanField(default=False, db_default=False, help_text="All keys and owners together.")

    class Meta:
        verbose_name = "usage by day"
        indexes = [
            models.Index(fields=["overall", "keyless", "starts_at"], name="usage_daily_level"),
            models.Index(fields=["key_id", "starts_at"], name="usage_daily_key"),
            models.Index(fields=["owner_id", "starts_at"], name="usage_daily_owner"),
        ]

    def __str__(self) -> str:
        return f"the day from {self.starts_at:%Y-%m-%d %H:%M}"


class MonthRollup(_Rollup):
    """Requests of one month of TIME_ZONE, for all keys of an owner together; `starts_at` is its first moment.

    It is made from its days that are over (usage.rollups.months), and read where RollupMonth says so. It is stored
    three times: by owner, without (`keyless`), and by key (`of_key`). No row is `overall`, and ids are random.
    """

    keyless = models.BooleanField(default=False, db_default=False, help_text="All owners together.")
    of_key = models.BooleanField(default=False, db_default=False, help_text="By key, without route, model or provider.")

    class Meta:
        verbose_name = "usage by month"
        indexes = [
            models.Index(fields=["keyless", "of_key", "starts_at"], name="usage_month_level"),
            models.Index(fields=["team_id", "starts_at"], name="usage_month_team"),
            models.Index(fields=["owner_id", "starts_at"], name="usage_month_owner"),
        ]

    def __str__(self) -> str:
        return f"the month from {self.starts_at:%Y-%m-%d %H:%M}"


class RollupMonth(models.Model):
    """Which days of a month of TIME_ZONE MonthRollup holds: those before `until`, if `built_changes` is `changes`."""

    first_day = models.DateField(primary_key=True)
    until = models.DateField(null=True, help_text="The first day that is not held; of this month it moves on.")
    changes = models.BigIntegerField(default=0, db_default=0, help_text="How often its days have changed.")
    built_changes = models.BigIntegerField(null=True, help_text="Its `changes` when it was built; NULL: never.")
    built_at = models.DateTimeField(null=True, help_text="NULL: not built, or changed. Earlier versions read it.")

    def __str__(self) -> str:
        return f"{self.first_day:%Y-%m}"


@_with_columns(ATTEMPT_MEASURES)
class AttemptRollup(SumColumns):
    """Attempts of one day of UTC, which is the day of providers' invoices; `starts_at` is its first moment.

    An attempt's day is that of its id, which it got when it began, as months of rows are: a day is pruned as a whole.
    Days whose attempts had been pruned before there was this table have what their requests had: the provider and
    outcome of the last attempt, and no credential.
    """

    id = models.UUIDField(primary_key=True, editable=False, help_text="Digest of the dimensions and the day.")
    starts_at = models.DateTimeField()

    class Meta:
        verbose_name = "attempts by day"
        verbose_name_plural = "attempts by day"
        indexes = [models.Index(fields=["starts_at"], name="usage_attempts_starts")]

    if TYPE_CHECKING:
        provider_id: int | None
        provider_name: str
        credential_id: int | None
        credential_name: str
        model_id: int | None
        model_name: str
        outcome: str
        attempts: int

    def __str__(self) -> str:
        return f"attempts of {self.starts_at:%Y-%m-%d}"


@_with_columns(measure for measure in MEASURES if measure.kind == "count" or measure.name in _OF_TEAM)
class _OfTeam(SumColumns):
    """Requests of one day of TIME_ZONE, one team and one outcome."""

    id = models.UUIDField(primary_key=True, editable=False, help_text="Digest of the dimensions and the day.")
    starts_at = models.DateTimeField()

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        team_id: int | None
        team_name: str
        outcome: str
        requests: int


class TagRollup(_OfTeam):
    """What a day's requests with one set of tags used; its size is bounded where rows get `tags_id`."""

    tags_id = models.UUIDField(null=True, help_text="Digest of the tags; NULL on rows of earlier versions.")
    tags = models.JSONField(
        null=True, help_text="The tags, with 'claimed:' for all claims beyond the bound; NULL if unknown."
    )

    class Meta:
        verbose_name = "usage by tags and day"
        verbose_name_plural = "usage by tags and day"
        indexes = [models.Index(fields=["starts_at"], name="usage_tags_starts")]

    def __str__(self) -> str:
        return f"{self.tags_id} on {self.starts_at:%Y-%m-%d}"


class ClientRollup(_OfTeam):
    """What a day's requests of one version of a client program used; bounded like tags."""

    client_name = models.CharField(max_length=40, blank=True)
    client_version = models.CharField(max_length=40, blank=True)

    class Meta:
        verbose_name = "usage by client and day"
        verbose_name_plural = "usage by client and day"
        indexes = [models.Index(fields=["starts_at"], name="usage_clients_starts")]

    def __str__(self) -> str:
        return f"{self.client_name} {self.client_version} on {self.starts_at:%Y-%m-%d}"


class SessionSummary(_Summary):
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
    """The one row, naming the TIME_ZONE whose days DailyRollup holds. Others are answered from quarter hours, which is
    slower, until `./gateway rebuild_rollups` has built their days."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(max_length=80)

    class Meta:
        verbose_name = "time zone of the daily rollups"

    def __str__(self) -> str:
        return self.name

"""A question to the explorer, and what it may not ask."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final, Literal

import msgspec
from django.utils import timezone

from usage.reports.explore.metrics import METRICS

Bucket = Literal["hour", "day", "week", "month", "total"]
BUCKETS: Final[dict[str, str]] = {
    "hour": "Hour", "day": "Day", "week": "Week", "month": "Month", "total": "No buckets",
}  # fmt: skip
LIMITS: Final = (5, 10, 20, 50)
EVERY_LINE: Final = 2**31
"""The limit of a question for every line."""
DaysOf = Literal["tags", "clients", "credentials"]
"""Rollups of days alone, which have no times; those by credential count attempts on days of UTC."""

MOST_HOURS = timedelta(days=7)
MOST_OF_KEYS = timedelta(days=93)
MOST_BINS = timedelta(days=32)
MOST_DAYS = timedelta(days=400)
MOST_MONTHS = timedelta(days=5 * 366)


class Group(msgspec.Struct, frozen=True):
    """What lines are told apart by. `column` is the dimension, `label` the one with the name where that is an id;
    `row_filter` is the parameter of the list of requests, or of attempts, with the same meaning, "" for none; `days_of`
    are the rollups that have it, where these are not those of requests."""

    title: str
    column: str
    label: str = ""
    row_filter: str = ""
    days_of: DaysOf | None = None


GROUPS: Final[dict[str, Group]] = {
    "team": Group("Team", "team_id", "team_name", "team"),
    "owner": Group("Owner", "owner_id", "owner_name", "owner"),
    "key": Group("Client key", "key_id", "key_name", "key"),
    "route": Group("Route", "route_name", row_filter="route"),
    "model": Group("Model", "model_name", row_filter="model"),
    "provider": Group("Provider", "provider_name", row_filter="provider"),
    "outcome": Group("Outcome", "outcome", row_filter="outcome__exact"),
    "tags": Group("Tags", "tags_id", "tags", days_of="tags"),
    "client": Group("Client program", "client_name", row_filter="client", days_of="clients"),
    "version": Group("Client version", "client_version", days_of="clients"),
    "credential": Group("Credential", "credential_id", "credential_name", "credential_id", days_of="credentials"),
}
_WITH_TEAM: Final = (frozenset({"team", "outcome"}), "by day and team. Group them with a team or an outcome")
_BESIDE: Final[dict[DaysOf, tuple[frozenset[str], str]]] = {
    "tags": _WITH_TEAM,
    "clients": _WITH_TEAM,
    "credentials": (
        frozenset({"provider", "model", "outcome"}),
        "by day, for all teams together. Group them with a provider, a model or an outcome",
    ),
}
"""The groups that rollups of days have beside their own, and how to say so."""


class Question(msgspec.Struct, frozen=True):
    """A metric over the requests that began from `since` to before `until`, by group and subgroup ("" for none).

    `limit` lines are told apart, the greatest by the metric `rank` ("" for the metric itself); the others are one, with
    EVERY_LINE there are none.
    `filters` are values by the name of a group: only these count. None stands for rows without one.
    """

    since: datetime
    until: datetime
    metric: str = "cost"
    group: str = "model"
    subgroup: str = ""
    bucket: Bucket = "day"
    limit: int = 10
    rank: str = ""
    cumulative: bool = False
    filters: dict[str, tuple[str | int | None, ...]] = {}

    @property
    def by(self) -> tuple[str, ...]:
        """The names of the groups that lines are told apart by."""
        return tuple(name for name in (self.group, self.subgroup) if name)

    @property
    def asked(self) -> frozenset[str]:
        """The names of all groups that the question is about."""
        return frozenset(self.by) | self.filters.keys()

    @property
    def is_percentile(self) -> bool:
        """Whether histograms answer it."""
        return any(METRICS[name].bins for name in (self.metric, self.rank) if name)

    @property
    def days_of(self) -> DaysOf | None:
        """The rollups of days alone that answer it, None where those of all requests do."""
        return next((days_of for name in sorted(self.asked) if (days_of := GROUPS[name].days_of)), None)

    @property
    def counts(self) -> Literal["requests", "attempts"]:
        """What it counts: attempts where it is about credentials, failed ones too."""
        return "attempts" if self.days_of == "credentials" else "requests"

    @property
    def zone(self) -> tzinfo:
        """The zone of its days: UTC for attempts, else TIME_ZONE."""
        return UTC if self.counts == "attempts" else timezone.get_default_timezone()

    @property
    def counted(self) -> tuple[datetime, datetime]:
        """The range that counts: for attempts the same dates as days of UTC, which providers' invoices have."""
        if self.counts == "requests":
            return self.since, self.until
        zone = timezone.get_default_timezone()
        first, last = (one.astimezone(zone).date() for one in (self.since, self.until - timedelta(microseconds=1)))
        begin, end = (datetime.combine(day, time(), tzinfo=UTC) for day in (first, last + timedelta(days=1)))
        return begin, end


def automatic_bucket(question: Question) -> Bucket:
    """Returns the bucket of a question where none is chosen: the finest that is answered and can be read."""
    length = question.until - question.since
    if length <= timedelta(days=2) and not question.days_of:
        return "hour"
    return "day" if length <= (MOST_BINS if question.is_percentile else MOST_OF_KEYS) else "month"


def problem(question: Question) -> str:
    """Returns why a question is not answered, and what to ask instead; "" for one that is."""
    length = question.until - question.since
    by_days = question.bucket in ("day", "week")
    checks = (
        (question.group == question.subgroup != "", "Group and subgroup are the same. Choose another subgroup."),
        (not question.group and bool(question.subgroup), "A subgroup needs a group. Choose one."),
        (
            question.cumulative and not METRICS[question.metric].adds_up,
            f"{METRICS[question.metric].title} does not add up over time. Switch cumulative off.",
        ),
        *_problems_of_days(question),
        (
            "key" in question.asked and question.is_percentile and length > MOST_BINS,
            "Times are told apart by client key over 31 days at most. Choose a shorter range, or owners or teams.",
        ),
        (
            "key" in question.asked and length > MOST_OF_KEYS,
            "Client keys are told apart over three months at most. Choose a shorter range, or owners or teams.",
        ),
        (
            "owner" in question.asked and by_days and length > MOST_OF_KEYS,
            "Beyond three months owners are told apart by month. Choose months, or a shorter range.",
        ),
        (
            question.is_percentile and by_days and length > MOST_BINS,
            "Beyond 31 days times are shown by month. Choose months, or a shorter range.",
        ),
        (question.bucket == "hour" and length > MOST_HOURS, "Hours are shown over a week at most. Choose days."),
        (by_days and length > MOST_DAYS, "Days and weeks are shown over 13 months at most. Choose months."),
        (length > MOST_MONTHS, "At most five years are shown. Choose a shorter range."),
    )
    return next((text for is_wrong, text in checks if is_wrong), "")


def _problems_of_days(question: Question) -> tuple[tuple[bool, str], ...]:
    if question.days_of is None:
        return ()
    what = question.days_of.capitalize()
    others = {name for name in question.asked if GROUPS[name].days_of != question.days_of}
    beside, by = _BESIDE[question.days_of]
    return (
        (
            not others <= beside,
            f"{what} are counted {by}, or remove the other filters.",
        ),
        (question.is_percentile, f"Times are not kept by {question.days_of}. Choose another metric, or another group."),
        (question.bucket == "hour", f"{what} are counted by day. Choose days, weeks or months."),
        (
            not _is_of_days(question),
            f"{what} are counted by whole days. Choose days, such as today, 7 days or this month.",
        ),
        (
            question.days_of != "credentials" and question.until - question.since > MOST_OF_KEYS,
            f"{what} are told apart over three months at most. Choose a shorter range"
            + ("; Chargeback has any month." if question.days_of == "tags" else "."),
        ),
    )


def _is_of_days(question: Question) -> bool:
    """Whether a range is whole days of TIME_ZONE, the last one perhaps still going on."""
    zone = timezone.get_default_timezone()

    def is_midnight(moment: datetime) -> bool:
        return moment.astimezone(zone).time() == time()

    return is_midnight(question.since) and (is_midnight(question.until) or question.until > timezone.now())

"""Usage by what a rollup of its own is about: attempts by provider, requests by tags and by client."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final, NamedTuple

import msgspec
from django.db.models import Aggregate, F, Max, Model, QuerySet, TextField
from django.db.models.functions import Cast, TruncDate
from django.utils import timezone

from access.tags import CLAIMED, NO_TAGS, OTHERS
from usage.reports import query
from usage.reports.query import Period
from usage.reports.totals import Totals
from usage.rollups.models import AttemptRollup, ClientRollup, TagRollup

Resolver = Callable[[], Callable[[dict[str, Any]], dict[str, Any]]]


class Column(NamedTuple):
    """What is shown of a line: its heading, and its name in the CSV file."""

    name: str
    heading: str
    csv: str


class Grouping(msgspec.Struct, frozen=True):
    """A report of its own, grouped by some columns of a rollup. `counted` is what that counts in place of requests;
    `note` is shown above the report."""

    title: str
    model: type[Model]
    by: tuple[str, ...]
    columns: tuple[Column, ...]
    note: str
    resolver: Resolver = lambda: dict
    """Returns the function from the columns of a group, with its labels, to what is shown."""
    labels: dict[str, Aggregate] = {}
    counted: str = "requests"
    in_utc: bool = False
    """Whether days are those of UTC, not of TIME_ZONE."""

    @property
    def heading(self) -> str:
        """What its counts are called."""
        return self.counted.capitalize()

    def zone(self) -> tzinfo:
        """Returns the time zone of its days."""
        return UTC if self.in_utc else timezone.get_default_timezone()


class Group(msgspec.Struct, frozen=True):
    """One line: what is shown in each column of the grouping, and the day if it is grouped by days."""

    values: dict[str, Any]
    totals: Totals
    day: date | None = None


def _with_team(row: dict[str, Any], names: dict[int, str]) -> str:
    if row["team_id"] is None:
        return "(no team)"
    name: str = names.get(row["team_id"], row["team_label"])
    return name


def _tags() -> Callable[[dict[str, Any]], dict[str, Any]]:
    names = query.team_names()
    special = {None: "(unknown)", NO_TAGS: "(no tags)"}

    def shown(row: dict[str, Any]) -> dict[str, Any]:
        tags = json.loads(row["tags_label"] or "[]")
        own = [tag for tag in tags if not tag.startswith(CLAIMED)]
        claims = [tag.removeprefix(CLAIMED) for tag in tags if tag.startswith(CLAIMED)]
        return {
            "team": _with_team(row, names),
            "tags": special.get(row["tags_id"]) or ", ".join(own),
            "claimed": "(all others)" if OTHERS in tags else ", ".join(claims),
        }

    return shown


def _clients() -> Callable[[dict[str, Any]], dict[str, Any]]:
    names = query.team_names()
    return lambda row: {
        "team": _with_team(row, names),
        "client": row["client_name"] or "(unknown)",
        "version": row["client_version"],
    }


_OF_TEAM: Final[dict[str, Aggregate]] = {"team_label": Max("team_name")}
PROVIDERS: Final = Grouping(
    "Usage by provider",
    AttemptRollup,
    ("provider_name", "credential_name", "model_name"),
    (
        Column("provider_name", "Provider", "provider"),
        Column("credential_name", "Credential", "credential"),
        Column("model_name", "Model", "model"),
    ),
    "Each attempt counts at the provider that it was sent to, also where another one answered the request. Days are "
    "those of UTC, as on providers' invoices.",
    counted="attempts",
    in_utc=True,
)
TAGS: Final = Grouping(
    "Usage by tags",
    TagRollup,
    ("team_id", "tags_id"),
    (
        Column("team", "Team", "team"),
        Column("tags", "Tags", "tags"),
        Column("claimed", "Claimed by the client", "claimed_tags"),
    ),
    "Tags are those of client keys. What a client named itself is its claim: it stands apart, unless its key says that "
    "it counts. Where clients name very many sets on a day, further ones are added up as “all others”, beside the tags "
    "of their key.",
    _tags,
    # All rows of an id have the same tags, and a database finds no largest JSON.
    _OF_TEAM | {"tags_label": Max(Cast("tags", TextField()))},
)
CLIENTS: Final = Grouping(
    "Usage by client",
    ClientRollup,
    ("team_id", "client_name", "client_version"),
    (
        Column("team", "Team", "team"),
        Column("client", "Client", "client"),
        Column("version", "Version", "version"),
    ),
    "The program and version that a client says it is in its user agent.",
    _clients,
    _OF_TEAM,
)
GROUPINGS: Final = {"providers": PROVIDERS, "tags": TAGS, "clients": CLIENTS}
"""By their names in URLs."""


def last_utc_days(number: int) -> Period:
    """Returns the last `number` days of UTC, today included."""
    today = datetime.now(UTC).date()
    return Period(today - timedelta(days=number - 1), today)


def by_day(grouping: Grouping, period: Period) -> QuerySet[Any]:
    """Groups usage by days too, newest day first; `lines` reads it."""
    return _groups(grouping, _with_day(grouping, period), "day", *grouping.by).order_by("-day", *grouping.by)


def over(grouping: Grouping, period: Period) -> QuerySet[Any]:
    """Groups the usage of a whole period, the dearest first; `lines` reads it."""
    found = _groups(grouping, rollups(grouping, period), *grouping.by)
    return found.order_by(F("total_cost").desc(nulls_last=True), "-total_requests", *grouping.by)


def total(grouping: Grouping, period: Period) -> Totals:
    """Returns the totals of a whole period."""
    return query.totals_of(rollups(grouping, period).aggregate(**query.sums(counted=grouping.counted)))


def lines(grouping: Grouping, rows: QuerySet[Any]) -> Iterator[Group]:
    """Yields the lines of groups, or of a page of them, as they are read from the database."""
    shown = grouping.resolver()
    return (Group(shown(row), query.totals_of(row), row.get("day")) for row in rows.iterator(chunk_size=1000))


def _with_day(grouping: Grouping, period: Period) -> QuerySet[Any]:
    rows: QuerySet[Any] = rollups(grouping, period).annotate(day=TruncDate("starts_at", tzinfo=grouping.zone()))
    return rows


def covering(grouping: Grouping, since: datetime, until: datetime) -> Period:
    """Returns the days of the grouping's time zone that have a part in a range."""
    last = until - timedelta(microseconds=1)
    return Period(since.astimezone(grouping.zone()).date(), last.astimezone(grouping.zone()).date())


def rollups(grouping: Grouping, period: Period) -> QuerySet[Any]:
    """Returns the rollups of a period."""
    midnight = time(tzinfo=grouping.zone())
    first = datetime.combine(period.first, midnight)
    end = datetime.combine(period.last + timedelta(days=1), midnight)
    rows: QuerySet[Any] = grouping.model._default_manager.filter(starts_at__gte=first, starts_at__lt=end)
    return rows.order_by()


def _groups(grouping: Grouping, rows: QuerySet[Any], *by: str) -> QuerySet[Any]:
    groups: QuerySet[Any] = rows.values(*by).annotate(**grouping.labels, **query.sums(counted=grouping.counted))
    return groups

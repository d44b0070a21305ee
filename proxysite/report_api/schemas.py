"""The shapes of the report API's answers. What they have stays as it is in v1; they may get more.

Money is an exact decimal as text. What is unknown is null, never 0.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from ninja import Schema
from pydantic import Field

from usage.reports.explore.metrics import METRICS, Metric
from usage.reports.explore.metrics import Unit as MetricUnit

Unit = Literal["USD", "count", "share", "milliseconds"]
UNITS: Final[dict[MetricUnit, Unit]] = {
    "money": "USD", "count": "count", "share": "share", "milliseconds": "milliseconds",
}  # fmt: skip
Value = Annotated[
    str | int | float | None,
    Field(description="In the unit of the answer: an exact decimal as text for USD, else a number. Null: unknown."),
]
Amount = Annotated[str, Field(description="An exact decimal as text.")]
Month = Annotated[str, Field(description="Such as 2026-10.")]
Since = Annotated[datetime, Field(serialization_alias="from", description="Requests count that began from then on.")]
Until = Annotated[datetime, Field(serialization_alias="to", description="Requests count that began before.")]


def unit_of(metric: Metric) -> Unit:
    """Returns the unit of a metric's values as the API names it."""
    return UNITS[metric.unit]


class Sums(Schema):
    """What several requests come to."""

    requests: int = Field(description="The number of requests, or of attempts by `counts`, in the whole range.")
    total: Value = Field(description="The metric over the whole range.")
    values: list[Value] = Field(description="The metric in each of the answer's buckets.")


class Line(Sums):
    """One line of an answer."""

    names: dict[str, str] = Field(description="What the line is about: a name for each group of the question.")
    filters: dict[str, str] = Field(description="The parameters that ask for this line alone.")


class Usage(Schema):
    """The answer to a question about usage, the greatest line first."""

    since: Since
    until: Until
    time_zone: str = Field(description="The zone whose days the buckets are.")
    counts: Literal["requests", "attempts"] = Field(
        description="Questions about credentials count attempts, failed ones too, on days of UTC."
    )
    metric: str
    unit: Unit
    by: list[str] = Field(description="The groups that lines are told apart by.")
    bucket: Literal["hour", "day", "week", "month", "total"]
    cumulative: bool
    buckets: list[datetime] = Field(description="The first moments of the buckets; none where the bucket is total.")
    lines: list[Line]
    others: Sums | None = Field(description="All lines beyond the limit together; null where every line is there.")
    whole: Sums
    unpriced: int = Field(description="Completed requests without a known price, which a cost leaves out.")


class MetricInfo(Schema):
    """A metric that may be asked for."""

    name: str
    title: str
    unit: Unit
    adds_up: bool = Field(description="Whether the values of lines and buckets add up to that of the whole.")


class Metrics(Schema):
    """All metrics."""

    metrics: list[MetricInfo]


class GroupInfo(Schema):
    """What lines may be told apart and narrowed by."""

    name: str
    title: str
    filtered_by: Literal["id", "name"] = Field(description="What the parameter of this name takes.")


class Groups(Schema):
    """All groups."""

    groups: list[GroupInfo]


class StatementInfo(Schema):
    """A closed statement without its lines."""

    number: int
    team_id: int
    team: str
    cost_centre: str
    month: Month
    time_zone: str = Field(description="The zone whose month it is.")
    since: Since
    until: Until
    closed_at: datetime
    total: Amount
    unit: Literal["USD"]
    currency: str | None = Field(description="The second currency; null without one.")
    rate: Amount | None = Field(description="Units of the second currency for a US dollar.")
    converted: Amount | None = Field(description="The total in the second currency, to the cent.")
    hash: str = Field(description="Of the whole statement and the hash of the one before.")


class StatementLineInfo(Schema):
    """One line of a statement. Tokens and costs that no request knew are null."""

    position: int
    kind: Literal["usage", "late", "correction"]
    month: Month
    provider: str
    model: str
    requests: int
    unpriced: int
    input_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    cost: Amount | None


class StatementWithLines(StatementInfo):
    """A closed statement with its lines, whose costs add up to its total."""

    lines: list[StatementLineInfo]


class Statements(Schema):
    """Closed statements in the order of their numbers."""

    statements: list[StatementInfo]
    next: int | None = Field(description="What to send as `after` for more; null where there are none.")


class TeamInfo(Schema):
    """A team."""

    id: int
    name: str


class Me(Schema):
    """The token that asks."""

    name: str
    prefix: str
    team: TeamInfo | None = Field(description="Whose usage it reads; null for all teams.")
    expires_at: datetime | None
    time_zone: str = Field(description="The gateway's, in which days without a zone are read.")


def metric_infos() -> list[MetricInfo]:
    """Returns all metrics."""
    return [
        MetricInfo(name=name, title=metric.title, unit=unit_of(metric), adds_up=metric.adds_up)
        for name, metric in METRICS.items()
    ]

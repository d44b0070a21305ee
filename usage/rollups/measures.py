"""The table of measures: what usage is grouped by, counted and added up by, one row each.

Records, usage rows and rollups get their columns from it. Accumulation, upserts, reports, the CSV file, the home page,
`/v1/me` and the admin read it, too. A new figure that providers report takes four changes: a field of
providers.events.Tokens, the dialect that fills it in, a row here, and a migration.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

Kind = Literal["dimension", "count", "sum", "bins", "share"]
Unit = Literal["tokens", "part", "uses", "money"]

ERRORS: Final = ("failed", "refused", "interrupted")
"""The outcomes that a caller saw as an error."""


class Measure(msgspec.Struct, frozen=True):
    """One row of the table.

    - A dimension or a sum is a column of this name in records, usage rows and rollups.
    - A count is a column of rollups: the number of requests, or of those that do not know one of the columns `unknown`,
      or the sum of the records' column `source`.
    - Bins are a column of rollups: the histogram (usage.rollups.histogram) of the records' column `source`.
    - A share is no column: it is the part of the count `source` with one of `outcomes`.
    """

    name: str
    kind: Kind
    label: str = ""
    help_text: str = ""
    max_length: int = 0
    """Of a dimension that is a text. The others are ids."""
    in_sessions: bool = False
    """Whether a session has this dimension."""
    source: str = ""
    unknown: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    unit: Unit = "tokens"
    """What a sum adds up. A part is of tokens that another sum counts already; money is in pico-dollars."""
    event: str = ""
    """The field of providers.events.Tokens that a sum is copied from."""
    priced: bool = False
    """Whether usage.cost.parts takes `event`."""
    is_cost_part: bool = False
    """Whether a sum is a part of `cost`, in the order of usage.cost.Parts."""
    report: str = ""
    """Its title, for what the files of the explorer have."""
    csv: str = ""
    """The heading in the CSV file, if that is not the name."""
    me: str = ""
    """The name in `/v1/me`, for what is shown there."""
    card: str = ""
    """The title of its card on the home page, for tokens that have one."""

    @property
    def total(self) -> str:
        """The field of usage.reports.totals.Totals."""
        return self.name.removesuffix("_tokens")


MEASURES: Final = (
    Measure("team_id", "dimension", in_sessions=True),
    Measure("team_name", "dimension", "team", max_length=80, in_sessions=True),
    Measure("key_id", "dimension", in_sessions=True),
    Measure("key_name", "dimension", "key", max_length=80, in_sessions=True),
    Measure("route_id", "dimension"),
    Measure("route_name", "dimension", "route", max_length=160),
    Measure("provider_id", "dimension"),
    Measure("provider_name", "dimension", "provider", max_length=60),
    Measure("model_id", "dimension"),
    Measure("model_name", "dimension", "model", max_length=160),
    Measure("outcome", "dimension", max_length=14),
    Measure("owner_id", "dimension", in_sessions=True),
    Measure("owner_name", "dimension", "owner", max_length=150, in_sessions=True),
    Measure("requests", "count", report="Requests", me="requests"),
    Measure("errors", "share", source="requests", outcomes=ERRORS, report="Errors", me="errors"),
    Measure("attempts", "count", source="attempts"),
    Measure(
        "unknown_tokens", "count", help_text="Requests whose input or output tokens are unknown.",
        unknown=("input_tokens", "output_tokens"),
    ),
    Measure("unknown_cost", "count", help_text="Requests without a cost.", unknown=("cost",)),
    Measure("estimated", "count", help_text="Requests whose tokens were estimated here.", source="estimated"),
    Measure(
        "input_tokens", "sum", "input", event="input", priced=True,
        report="Input", me="input_tokens", card="Input tokens",
    ),
    Measure(
        "cache_read_tokens", "sum", "cache read", event="cache_read", priced=True,
        report="Cache read", me="cache_read_input_tokens", card="Cache read tokens",
    ),
    Measure(
        "cache_write_tokens", "sum", "cache write", event="cache_write", priced=True,
        report="Cache write", me="cache_creation_input_tokens", card="Cache write tokens",
    ),
    Measure(
        "cache_write_1h_tokens", "sum", help_text="Part of cache write: cached for an hour.",
        event="cache_write_1h", priced=True, unit="part",
    ),
    Measure(
        "output_tokens", "sum", "output", event="output", priced=True,
        report="Output", me="output_tokens", card="Output tokens",
    ),
    Measure("reasoning_tokens", "sum", help_text="Part of the output.", event="reasoning", unit="part"),
    Measure(
        "web_searches", "sum", help_text="Run by the provider, which bills them separately.",
        event="web_searches", priced=True, unit="uses",
    ),
    Measure("cost", "sum", "cost (USD)", unit="money", report="Cost", csv="cost_usd", me="cost_usd"),
    *(
        Measure(f"{part}_cost", "sum", help_text=f"Part of the cost: {of}.", unit="money", is_cost_part=True)
        for part, of in (
            ("input", "input tokens"),
            ("cache_read", "tokens read from cache"),
            ("cache_write", "tokens written to cache"),
            ("output", "output tokens"),
            ("other", "per answer and per web search"),
        )
    ),
    Measure("provider_cost", "sum", "provider's own cost (USD)", event="cost", unit="money"),
    Measure("unpriced", "share", source="unknown_cost", outcomes=("completed",), me="unpriced"),
    Measure(
        "first_token_bins", "bins", help_text="Time to the first token, as usage.rollups.histogram counts.",
        source="time_to_first_token_ms",
    ),
    Measure(
        "duration_bins", "bins", help_text="Duration, as usage.rollups.histogram counts.", source="duration_ms"
    ),
)  # fmt: skip


ATTEMPT_MEASURES: Final = (
    *(measure for measure in MEASURES if measure.name in {"provider_id", "provider_name"}),
    Measure("credential_id", "dimension"),
    Measure("credential_name", "dimension", "credential", max_length=60),
    *(measure for measure in MEASURES if measure.name in {"model_id", "model_name", "outcome"}),
    Measure("attempts", "count"),
    Measure(
        "unknown_tokens", "count", help_text="Attempts whose input or output tokens are unknown.",
        unknown=("input_tokens", "output_tokens"),
    ),
    Measure("unknown_cost", "count", help_text="Attempts without a cost.", unknown=("cost",)),
    Measure("estimated", "count", help_text="Attempts whose tokens were estimated here.", source="estimated"),
)  # fmt: skip
"""The same table for attempts, whose sums are those of requests."""


def of_kind(kind: Kind) -> tuple[Measure, ...]:
    """Returns the measures of one kind, in order."""
    return tuple(measure for measure in MEASURES if measure.kind == kind)


ATTEMPT_COUNTED: Final = tuple(measure for measure in ATTEMPT_MEASURES if measure.kind == "count")


def _names(measures: Iterable[Measure]) -> tuple[str, ...]:
    return tuple(measure.name for measure in measures)


DIMENSIONS: Final = _names(of_kind("dimension"))
"""Those that were added later stand last, so that a row without them has the id that it had (accumulate.identity)."""
OF_KEY: Final = ("key_id", "key_name", "owner_id", "owner_name")
"""What days and months without the key leave out."""
NAMED: Final = frozenset(measure.name for measure in of_kind("dimension") if measure.max_length)
"""The dimensions that are texts, empty as ""; the others are numbers, empty as NULL."""
OF_MONTH: Final = {
    "": tuple(name for name in DIMENSIONS if name not in {"key_id", "key_name"}),
    "keyless": tuple(name for name in DIMENSIONS if name not in OF_KEY),
    "of_key": ("team_id", "team_name", *OF_KEY, "outcome"),
}
"""The dimensions that each level of a month has."""
ATTEMPT_DIMENSIONS: Final = _names(measure for measure in ATTEMPT_MEASURES if measure.kind == "dimension")
COUNTS: Final = _names(of_kind("count"))
SUMS: Final = _names(of_kind("sum"))
BINS: Final = _names(of_kind("bins"))
MONEY: Final = _names(measure for measure in of_kind("sum") if measure.unit == "money")
COST_PARTS: Final = _names(measure for measure in of_kind("sum") if measure.is_cost_part)
EVENT_SUMS: Final = tuple((measure.name, measure.event) for measure in of_kind("sum") if measure.event)
"""The sums that are copied from providers.events.Tokens, with their names there."""
PRICED: Final = tuple((measure.name, measure.event) for measure in of_kind("sum") if measure.priced)
"""The sums that a cost is made of, with their names in usage.cost.parts."""
REPORTED: Final = tuple(measure for measure in MEASURES if measure.report or measure.me or measure.card)
"""What reports add up."""

"""What each tag has used in a month, added up from the rollups by sets of tags.

A request has a set of tags, so by tag it counts for each of them, and lines overlap. With a prefix, such as `project:`,
it counts once: for its one tag that begins so, or on a line of its own where it has none or several.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import msgspec
from django.db.models import Max, Sum

from access.tags import CLAIMED, OTHERS
from usage.dollars_sum import DollarsSum
from usage.reports.explore import names

SUMS: Final = ("requests", "unknown_cost", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
TOKENS: Final = SUMS[2:]


class Kind(StrEnum):
    """What a line is about."""

    TAG = "tag"
    SEVERAL = "several"
    NONE = "untagged"
    OTHERS = "other claims"
    UNKNOWN = "unknown"


class Used(msgspec.Struct):
    """Figures that add up; what no request knew is None. `unpriced` counts requests without a known cost."""

    requests: int = 0
    unpriced: int = 0
    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    cost: Decimal | None = None

    @property
    def tokens(self) -> int | None:
        """All tokens together."""
        known = [one for one in (self.input, self.cache_read, self.cache_write, self.output) if one is not None]
        return sum(known) if known else None

    def add(self, other: Used) -> None:
        """Adds other figures."""
        for name in self.__struct_fields__:
            value = getattr(other, name)
            if value is not None:
                setattr(self, name, value + (getattr(self, name) or 0))


class Line(msgspec.Struct, frozen=True):
    """A tag, or what has none. `sets` are the ids of the sets of tags that count here."""

    kind: Kind
    tag: str
    is_claim: bool
    used: Used
    sets: list[UUID | None]


class Chargeback(msgspec.Struct, frozen=True):
    """The lines, the dearest first and those without a tag last, and the plain sum over all requests."""

    lines: list[Line]
    whole: Used


Key = tuple[Kind, str, bool]
_UNTAGGED: Final[Key] = (Kind.NONE, "", False)


def chargeback(
    since: datetime, until: datetime, *, prefix: str = "", claims: bool = True, team_id: int | None = None
) -> Chargeback:
    """Returns what each tag used in days of TIME_ZONE, from `since` to before `until`; of one team with `team_id`.

    Without `claims` tags that only clients named do not count. With a `prefix` the lines add up to the whole.
    """
    lines: dict[Key, Line] = {}
    whole = Used()
    for identity, tags, used in _sets(since, until, team_id):
        whole.add(used)
        for key in set(_keys(identity, tags, prefix, claims)):
            line = lines.setdefault(key, Line(*key, Used(), []))
            line.used.add(used)
            line.sets.append(identity)
    return Chargeback(sorted(lines.values(), key=_order), whole)


def _sets(since: datetime, until: datetime, team_id: int | None) -> Iterator[tuple[UUID | None, list[str], Used]]:
    """Yields each set of tags with what its requests used."""
    rows = names.day_rows("tags", since, until)
    if team_id is not None:
        rows = rows.filter(team_id=team_id)
    sums = {f"sum_{name}": Sum(name) for name in SUMS}
    found = rows.groups("tags_id", tags_label=Max(names.TAGS_TEXT), **sums, sum_cost=DollarsSum("cost"))
    for row in found:
        used = Used(*(row[f"sum_{name}"] for name in (*SUMS, "cost")))
        yield row["tags_id"], json.loads(row["tags_label"] or "[]") or [], used


def _keys(identity: UUID | None, tags: Iterable[str], prefix: str, claims: bool) -> list[Key]:
    """Returns the lines that a set of tags counts on."""
    if identity is None:
        return [(Kind.UNKNOWN, "", False)]
    counting = [tag for tag in tags if claims or not tag.startswith(CLAIMED)]
    named: list[Key] = [
        (Kind.TAG, tag.removeprefix(CLAIMED), tag.startswith(CLAIMED))
        for tag in counting
        if tag != OTHERS and tag.removeprefix(CLAIMED).startswith(prefix)
    ]
    others: list[Key] = [(Kind.OTHERS, "", True)] if OTHERS in counting else []
    if not prefix:
        return [*named, *others] or [_UNTAGGED]
    if len(named) > 1:
        return [(Kind.SEVERAL, "", False)]
    return named or others or [_UNTAGGED]


def _order(line: Line) -> tuple[Any, ...]:
    cost = line.used.cost
    return (line.kind != Kind.TAG, cost is None, -(cost or 0), line.tag, line.is_claim, line.kind)

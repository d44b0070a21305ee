"""A question as the parameters of a URL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from django.http import QueryDict

from proxysite.console import ranges
from proxysite.console.ranges import Range
from usage.models import Outcome
from usage.reports.explore.metrics import METRICS
from usage.reports.explore.question import BUCKETS, EVERY_LINE, GROUPS, LIMITS, Question, automatic_bucket, problem
from usage.reports.rows.filters import NONE, id_in

STANDARD_RANGE: Final = "30d"
AUTO: Final = ""


class WrongQuestion(ValueError):
    """Parameters that ask nothing; the text says what to write instead."""


class State(msgspec.Struct, frozen=True):
    """The state of the page: what is chosen, as it is written in the URL, and the question that it comes to.

    `bucket` is AUTO where it follows the range.
    """

    range: Range
    question: Question
    bucket: str

    def url(self, **changes: Any) -> str:
        """Returns the query of this state with other fields of the question, or another `bucket`."""
        bucket = changes.pop("bucket", self.bucket)
        return query_of(self.range, msgspec.structs.replace(self.question, **changes), bucket)

    def of_every_line(self) -> Question:
        """Returns the question without a limit, as files and programs ask it."""
        return msgspec.structs.replace(self.question, limit=EVERY_LINE)


def read(parameters: QueryDict) -> State:
    """Returns the state in the parameters of a URL. Raises WrongQuestion, and ranges.WrongRange."""
    chosen = ranges.read(parameters, STANDARD_RANGE)
    metric = _one_of(METRICS, parameters.get("metric") or "cost", "metric")
    bucket = parameters.get("bucket", AUTO)
    if bucket != AUTO:
        _one_of(BUCKETS, bucket, "bucket")
    rank = parameters.get("rank", "")
    if rank:
        _one_of(METRICS, rank, "rank")
    question = Question(
        since=chosen.since,
        until=chosen.until,
        metric=metric,
        group=_group(parameters.get("group", "model"), "group"),
        subgroup=_group(parameters.get("subgroup", ""), "subgroup"),
        limit=_limit(parameters.get("limit", "10")),
        rank="" if rank == metric else rank,
        cumulative=parameters.get("cumulative", "") == "1",
        filters={name: values for name in GROUPS if (values := _values(name, parameters.getlist(name)))},
    )
    question = msgspec.structs.replace(question, bucket=bucket or automatic_bucket(question))
    if text := problem(question):
        raise WrongQuestion(text)
    return State(chosen, question, bucket)


def query_of(chosen: Range, question: Question, bucket: str) -> str:
    """Returns the query of a URL that `read` reads as this question, without what is standard."""
    query = [*chosen.pairs(), ("metric", question.metric), ("group", question.group)]
    optional = (("subgroup", question.subgroup), ("bucket", bucket), ("rank", question.rank))
    query += [(name, value) for name, value in optional if value]
    if question.limit != 10:
        query.append(("limit", str(question.limit)))
    if question.cumulative:
        query.append(("cumulative", "1"))
    query += [(name, text_of(value)) for name, values in question.filters.items() for value in values]
    return f"?{urlencode(query)}"


def text_of(value: Any) -> str:
    """Returns a value of a group as URLs have it."""
    return NONE if value in (None, "") else str(value)


def _one_of(known: Iterable[str], value: str, name: str) -> str:
    if value not in known:
        raise WrongQuestion(f"There is no {name} {value!r}. Choose one of {', '.join(known)}.")
    return value


def _group(value: str, name: str) -> str:
    return _one_of(GROUPS, value, name) if value else ""


def _limit(text: str) -> int:
    if text not in map(str, LIMITS):
        raise WrongQuestion(f"limit is one of {', '.join(map(str, LIMITS))}.")
    return int(text)


def _values(name: str, texts: list[str]) -> tuple[str | int | None, ...]:
    return tuple(_value(name, text) for text in texts if text)


def _value(name: str, text: str) -> Any:
    group = GROUPS[name]
    if name == "tags":
        try:
            return None if text == NONE else UUID(text)
        except ValueError as error:
            raise WrongQuestion("tags is the id of a set of tags: follow a link of the explorer.") from error
    if group.label:
        if text == NONE:
            return None
        if (identity := id_in(text)) is None:
            raise WrongQuestion(f"{name} is the number of a {group.title.lower()}, or {NONE}.")
        return identity
    if name == "outcome" and text not in Outcome.values:
        raise WrongQuestion(f"outcome is one of {', '.join(Outcome.values)}.")
    if "\0" in text:
        raise WrongQuestion(f"{name} has a character that no name has.")
    return "" if text == NONE else text

"""Whatever is asked, the explorer's figures are those of a plain sum over the rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import msgspec
import pytest
from django.contrib.auth.models import User
from django.db import transaction
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from access.models import Team
from tests.admin.history import at, request_row
from tests.usage.added import record, store
from tests.usage.dated import request
from usage.models import RequestLog
from usage.reports.explore.answer import CannotAnswer, answer
from usage.reports.explore.metrics import METRICS
from usage.reports.explore.question import EVERY_LINE, GROUPS, Question, problem
from usage.rollups import histogram, months
from usage.rollups.measures import ERRORS
from usage.rollups.models import RollupZone

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

BEGIN, END = at("2026-02-01 00:00"), at("2026-05-01 00:00")
_EVENINGS = tuple(at(text) for text in ("2026-02-27 20:00", "2026-03-28 20:00", "2026-03-31 19:00"))

records = st.builds(record, st.integers(0, 2**32), st.sampled_from(_EVENINGS))
names = st.sampled_from(sorted(GROUPS.keys() - {"credential"}))
questions = st.builds(
    Question,
    since=st.sampled_from((BEGIN, at("2026-03-28 21:15"), at("2026-03-31 22:00"))),
    until=st.sampled_from((END, at("2026-03-31 23:00"), at("2026-04-01 03:30"))),
    metric=st.sampled_from(sorted(METRICS)),
    group=st.just("") | names,
    subgroup=st.just("") | names,
    bucket=st.sampled_from(("hour", "day", "week", "month", "total")),
    limit=st.integers(1, 4) | st.just(EVERY_LINE),
    rank=st.just("") | st.sampled_from(sorted(METRICS)),
    cumulative=st.booleans(),
    filters=st.dictionaries(names, st.just((None,)) | st.just((1, 2)), max_size=1),
)


def _fitting(question: Question) -> Question:
    """The question with values in its filters that its columns can have."""
    texts = {
        "route": ("", "a"),
        "model": ("", "b"),
        "provider": ("a",),
        "outcome": ("failed", "refused"),
        "client": ("", "claude-cli"),
        "version": ("2.1",),
    }
    fitted = {name: texts.get(name, values if name != "tags" else (None,)) for name, values in question.filters.items()}
    return msgspec.structs.replace(question, filters=fitted)


def _bucket(question: Question, moment: datetime, zone: ZoneInfo) -> Any:
    local = moment.astimezone(zone)
    if question.bucket == "hour":
        return local.strftime("%F %H %z")
    day = local.date()
    if question.bucket == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if question.bucket == "month" else day


def _plain(metric: str, rows: list[RequestLog]) -> Any:
    """The metric over rows, in the simplest way."""

    def known(*columns: str) -> Any:
        values = [value for row in rows for name in columns if (value := getattr(row, name)) is not None]
        return sum(values) if values else None

    failed = sum(row.outcome in ERRORS for row in rows)
    prompt = known("input_tokens", "cache_read_tokens", "cache_write_tokens")
    plain: dict[str, Callable[[], Any]] = {
        "cost": lambda: known("cost"),
        "requests": lambda: len(rows),
        "errors": lambda: failed,
        "refused": lambda: sum(row.outcome == "refused" for row in rows),
        "error_rate": lambda: failed / len(rows) if rows else None,
        "tokens": lambda: known("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens"),
        "input": lambda: known("input_tokens"),
        "cache_read": lambda: known("cache_read_tokens"),
        "cache_write": lambda: known("cache_write_tokens"),
        "output": lambda: known("output_tokens"),
        "cached": lambda: (known("cache_read_tokens") or 0) / prompt if prompt else None,
    }
    if metric in plain:
        return plain[metric]()
    bins: histogram.Bins = {}
    for row in rows:
        value = row.time_to_first_token_ms if metric.startswith("first") else row.duration_ms
        if value is not None:
            histogram.add(bins, {histogram.bin_of(value): 1})
    return histogram.percentile(bins, METRICS[metric].fraction)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(records, max_size=25), questions, st.sampled_from(("UTC", "Europe/Berlin", "America/St_Johns")))
def test_any_answer_equals_a_plain_sum_over_rows(
    settings: Any, requests: list[Any], question: Question, zone: str
) -> None:
    question, settings.TIME_ZONE = _fitting(question), zone
    assume(not problem(question))
    with transaction.atomic():
        RollupZone.objects.update_or_create(id=1, defaults={"name": zone})
        store(requests)
        for month in months.unbuilt():
            months.build(month)
        try:
            _compare(question, ZoneInfo(zone))
        finally:
            transaction.set_rollback(True)


def _compare(question: Question, zone: ZoneInfo) -> None:
    found, page = answer(question, measures=True), answer(question)
    # Less is read for a page, and what is many is read in another way: that is the same.
    with mock.patch("usage.reports.explore.answer.FEW_VALUES", 0):
        many = answer(question)
    assert many == page
    assert [msgspec.structs.replace(line, totals=None) for line in found.lines] == page.lines
    assert msgspec.structs.replace(found.whole, totals=None) == page.whole
    since, until = question.since, question.until
    if question.days_of:
        # Rollups by tags and clients have whole days.
        since, until = _midnight(since, zone), _midnight(until - timedelta(microseconds=1), zone, later=1)
    columns = [GROUPS[name].column for name in question.by]
    lines: dict[tuple[Any, ...], list[RequestLog]] = defaultdict(list)
    for row in RequestLog.objects.filter(started_at__gte=since, started_at__lt=until):
        if all(getattr(row, GROUPS[name].column) in values for name, values in question.filters.items()):
            lines[tuple(getattr(row, name) for name in columns)].append(row)
    every = [row for rows in lines.values() for row in rows]
    assert found.whole.total == pytest.approx(_plain(question.metric, every))
    assert found.whole.requests == len(every)
    assert found.unpriced == sum(row.cost is None and row.outcome == "completed" for row in every)
    if not columns:
        assert (found.lines, found.others) == ([], None)
        _compare_values(question, found.starts, found.whole.values, every, zone)
        return
    assert found.groups == len(lines)
    assert len(found.lines) == min(len(lines), question.limit)
    ranked = [_plain(question.rank or question.metric, lines[line.key or ()]) for line in found.lines]
    every_rank = [_plain(question.rank or question.metric, rows) for rows in lines.values()]
    assert ranked == pytest.approx(sorted(every_rank, key=_greatest_first)[: question.limit])
    for line in found.lines:
        assert line.key is not None
        rows = lines.pop(line.key)
        assert line.total == pytest.approx(_plain(question.metric, rows))
        measured = {"requests": len(rows), **{name: _plain(name, rows) for name in ("errors", "cost", "output")}}
        assert {name: getattr(line.totals, name) for name in measured} == measured
        _compare_values(question, found.starts, line.values, rows, zone)
    rest = [row for rows in lines.values() for row in rows]
    assert (found.others is None) == (not lines)
    if found.others is not None:
        assert found.others.total == pytest.approx(_plain(question.metric, rest))
        if question.metric == "cost" or METRICS[question.metric].unit != "count":
            _compare_values(question, found.starts, found.others.values, rest, zone)
        else:
            # Of tokens only sums are kept, and not of how many requests.
            shown = [value or 0 for value in found.others.values]
            assert shown == pytest.approx([value or 0 for value in _values(question, found.starts, rest, zone)])


def _greatest_first(value: Any) -> tuple[bool, Any]:
    return (value is None, 0 if value is None else -value)


def _values(question: Question, starts: list[datetime], rows: list[RequestLog], zone: ZoneInfo) -> list[Any]:
    by_bucket: dict[Any, list[RequestLog]] = defaultdict(list)
    for row in rows:
        by_bucket[_bucket(question, row.started_at, zone)].append(row)
    values = [_plain(question.metric, by_bucket.pop(_bucket(question, start, zone), [])) for start in starts]
    assert not by_bucket or not starts
    if question.cumulative:
        values = list(accumulate(values, lambda one, other: other if one is None else one + (other or 0)))
    return values


def _compare_values(
    question: Question, starts: list[datetime], values: list[Any], rows: list[RequestLog], zone: ZoneInfo
) -> None:
    assert values == [pytest.approx(value) for value in _values(question, starts, rows, zone)]


def _midnight(moment: datetime, zone: ZoneInfo, later: int = 0) -> datetime:
    day = moment.astimezone(zone).date() + timedelta(days=later)
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def test_lines_have_the_names_of_today_and_the_last_ones_of_what_is_gone() -> None:
    team, owner = Team.objects.create(name="Blue"), User.objects.create(username="mia")
    when = at("2026-03-05 12:00")
    request_row(started_at=when, team_id=team.pk, team_name="Old", owner_id=owner.pk, owner_name="m", cost=2)
    request_row(started_at=when, team_id=10**9, team_name="Gone", cost=1)
    request_row(started_at=when)
    found = answer(Question(BEGIN, END, group="team", subgroup="owner"))
    assert [line.labels for line in found.lines] == [
        ("Blue", "mia"), ("Gone", "(no owner)"), ("(no team)", "(no owner)"),
    ]  # fmt: skip


def test_tags_are_named_and_claims_are_marked() -> None:
    from access.tags import set_id

    tags = ["ci", "claimed:night"]
    request_row(started_at=at("2026-03-05 12:00"), tags=tags, tags_id=set_id(tags), cost=1)
    request_row(started_at=at("2026-03-05 12:00"), tags=[], tags_id=set_id([]))
    found = answer(Question(BEGIN, END, group="tags"))
    assert [line.labels for line in found.lines] == [("ci, night (claimed)",), ("(no tags)",)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"group": "key", "since": at("2025-01-01 00:00"), "bucket": "month"}, "over three months at most"),
        ({"group": "owner", "since": at("2025-10-01 00:00")}, "Beyond three months owners are told apart by month"),
        ({"metric": "first_token_p95"}, "Beyond 31 days times are shown by month"),
        (
            {"group": "tags", "since": at("2025-01-01 00:00"), "bucket": "month"},
            "Tags are told apart over three months",
        ),
        ({"group": "tags", "subgroup": "model"}, "Tags are counted by day and team"),
        ({"group": "tags", "until": at("2026-03-05 12:00")}, "Tags are counted by whole days"),
        ({"group": "key", "metric": "duration_p50", "bucket": "month"}, "by client key over 31 days at most"),
        ({"group": "tags", "metric": "duration_p50", "bucket": "month"}, "Times are not kept by tags"),
        ({"metric": "error_rate", "cumulative": True}, "does not add up over time"),
        ({"group": "model", "subgroup": "model"}, "Choose another subgroup"),
        ({"group": "", "subgroup": "model"}, "A subgroup needs a group"),
        ({"bucket": "hour"}, "Hours are shown over a week at most"),
        ({"since": at("2024-01-01 00:00")}, "over 13 months at most"),
        ({"since": at("2015-01-01 00:00"), "bucket": "month"}, "At most five years"),
    ],
)
def test_what_rollups_cannot_answer_says_what_to_ask(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(CannotAnswer, match=says):
        answer(msgspec.structs.replace(Question(BEGIN, END), **changes))


def test_a_year_by_months_reads_the_months_that_are_built() -> None:
    for month in range(1, 10):
        request_row(started_at=at(f"2026-0{month}-15 12:00"), model_name="m", owner_id=month % 2, cost=10**12)
    for each in months.unbuilt():
        months.build(each)
    found = answer(Question(at("2026-01-01 00:00"), at("2026-10-01 00:00"), group="owner", bucket="month"))
    assert [line.total for line in found.lines] == [Decimal(5), Decimal(4)]
    assert [start.month for start in found.starts] == list(range(1, 10))
    assert found.lines[0].values == [Decimal(1), None] * 4 + [Decimal(1)]


@pytest.mark.parametrize("metric", ["requests", "duration_p95"])
def test_every_line_is_found_where_there_are_thousands(metric: str) -> None:
    store([request(_EVENINGS[0], model_name=f"model {number}", duration_ms=1000) for number in range(1500)])
    found = answer(Question(BEGIN, at("2026-03-01 00:00"), metric, bucket="day", limit=EVERY_LINE))
    assert (len(found.lines), found.others) == (1500, None)
    assert {line.requests for line in found.lines} == {1}
    assert {tuple(line.values) for line in found.lines} == {tuple(found.lines[0].values)}
    assert len({line.labels for line in found.lines}) == 1500

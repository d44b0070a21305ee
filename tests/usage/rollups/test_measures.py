"""Every measure, from events through record, journal, row, rollup and report to the CSV file and /v1/me."""

from __future__ import annotations

import asyncio
import csv
import io
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import models, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.events import Event, MessageFinished, MessageStarted, TextDelta, Tokens, TokensReported
from proxysite.console import csv_file
from proxysite.console.explorer import lines
from streaming.attempts.attempt import Attempt
from streaming.endpoints import me
from streaming.exchange.answer import Answer
from streaming.exchange.client import Client
from streaming.exchange.exchange import Exchange
from streaming.exchange.lifecycle import Lifecycle
from streaming.exchange.request import Body, Request
from streaming.ingress.claude.message import MessageFold
from streaming.outcome import accounting
from streaming.outcome.distinct import Distinct
from tests.routing.builders import ANYONE, candidate
from usage.cost import Prices
from usage.journal import replay
from usage.journal.account import new_identity
from usage.journal.journal import Journal
from usage.journal.recorder import Recorder
from usage.journal.records import RequestRecord
from usage.journal.writer import Writer
from usage.models import AttemptLog, Outcome, RequestLog
from usage.money import to_dollars
from usage.reports import query
from usage.reports.explore.answer import answer
from usage.reports.explore.question import Question
from usage.reports.query import Selection
from usage.reports.totals import Totals, exact
from usage.rollups import measures
from usage.rollups.histogram import bin_of
from usage.rollups.measures import EVENT_SUMS, MEASURES, REPORTED, Measure
from usage.rollups.models import DailyRollup, SessionSummary, UsageRollup

KINDS = tuple(field.name for field in msgspec.structs.fields(Tokens))
PRICES = Prices(
    input=2, output=3, cache_read=5, cache_write=7, cache_write_1h=11, per_request=13, per_web_search=17, id=19
)
HEADER = "requests,errors,input_tokens,cache_read_tokens,cache_write_tokens,output_tokens,cost_usd"
OF_ME = (
    "since", "requests", "errors", "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
    "output_tokens", "cost_usd", "unpriced",
)  # fmt: skip

_different = st.lists(st.integers(1, 10_000), min_size=len(KINDS), max_size=len(KINDS), unique=True)


def _events(tokens: Tokens) -> list[Event]:
    """An answer that reports every other count at its start and the rest at its end. Without counts it is
    empty: content would be counted here."""
    reports = [Tokens(**{kind: getattr(tokens, kind) for kind in KINDS[first::2]}) for first in (0, 1)]
    return [
        MessageStarted(tokens=reports[0]), *([TextDelta("Hi")] if tokens != Tokens() else []),
        TokensReported(reports[1]), MessageFinished("end_turn"),
    ]  # fmt: skip


async def _answered(recorder: Recorder, *answers: Tokens) -> RequestRecord:
    """One request whose answer came in as many parts as there are tokens, each from an attempt of its own."""
    task = asyncio.current_task()
    assert task is not None

    async def send(message: dict[str, Any]) -> None:
        raise AssertionError("nothing is sent")

    account, lifecycle = recorder.open(new_identity()), Lifecycle(task)
    exchange = Exchange(account, Client(send), ANYONE, {}, lifecycle)
    request = Request("req", "r", Body({}), headers={}, streamed=False)
    accounting.describe_caller(account, ANYONE, {}, {}, Distinct())
    account.request.session_id = "session"
    answer = exchange.answer = Answer(request, lifecycle, MessageFold, message_id="msg")
    model = candidate("m", prices=(PRICES,))
    for number, tokens in enumerate(answers, 1):
        record = accounting.begin_attempt(account, model)
        attempt = Attempt(model, request, answer, lifecycle, id=record.id, number=number)
        accounting.admit(account, attempt)
        attempt.responded = True
        attempt.first_content_at = time.perf_counter()
        answer.start_over()
        attempt.encoder = answer.encoder
        attempt.encoder.feed(_events(tokens))
        attempt.encoder.finish()
        attempt.outcome = Outcome.COMPLETED
        accounting.attempt_ended(exchange, attempt, None)
        answer.answering_attempt = number
    answer.interrupted_attempts = list(range(1, len(answers)))
    exchange.outcome = Outcome.COMPLETED
    accounting.request_ended(exchange)
    return account.request


def _written(*answers: Tokens) -> None:
    """The request's rows, by way of a journal whose worker is gone."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        journal.start()
        recorder = Recorder(Writer(journal.written), journal)
        asyncio.run(_answered(recorder, *answers))
        journal.stop()
        assert (
            replay.adopt(
                Path(folder), Path("/nonexistent"), recorder.writer.write_through, recorder.writer.return_block
            )
            == 1
        )
    assert recorder.writer.set_aside == 0


def _stored(row: models.Model, column: str) -> Any:
    """A column as the table of measures has it: money in pico-dollars."""
    value = getattr(row, column)
    return int(value * 10**12) if column in measures.MONEY and value is not None else value


def _cost_parts(tokens: Any) -> dict[str, int]:
    for_an_hour = min(tokens.cache_write_1h, tokens.cache_write)
    return {
        "input_cost": 2 * tokens.input,
        "cache_read_cost": 5 * tokens.cache_read,
        "cache_write_cost": 7 * (tokens.cache_write - for_an_hour) + 11 * for_an_hour,
        "output_cost": 3 * tokens.output,
        "other_cost": 13 + 17 * tokens.web_searches,
    }


def _expected(*answers: Tokens) -> dict[str, Any]:
    """What rollups must hold of one request with these answers, by measure."""
    found: dict[str, Any] = {column: sum(getattr(tokens, kind) for tokens in answers) for column, kind in EVENT_SUMS}
    for part in measures.COST_PARTS:
        found[part] = sum(_cost_parts(tokens)[part] for tokens in answers)
    found["cost"] = sum(found[part] for part in measures.COST_PARTS)
    counts = {"requests": 1, "attempts": len(answers), "unknown_tokens": 0, "unknown_cost": 0, "estimated": 0}
    return {**found, **counts, "errors": 0, "unpriced": 0}


def _check(*answers: Tokens) -> None:
    expected = _expected(*answers)
    sums = [measure.name for measure in measures.of_kind("sum")]
    for attempt, tokens in zip(AttemptLog.objects.order_by("number"), answers, strict=True):
        reported = {column: getattr(tokens, kind) for column, kind in EVENT_SUMS}
        assert {column: _stored(attempt, column) for column, _ in EVENT_SUMS} == reported
        parts = _cost_parts(tokens)
        assert {column: _stored(attempt, column) for column in parts} == parts
    row = RequestLog.objects.get()
    assert {column: _stored(row, column) for column in sums} == {column: expected[column] for column in sums}
    for model in (UsageRollup, DailyRollup):
        for rollup in model._default_manager.all():
            columns = [measure.name for measure in MEASURES if measure.kind in {"count", "sum"}]
            assert {name: _stored(rollup, name) for name in columns} == {name: expected[name] for name in columns}
            for bins in measures.of_kind("bins"):
                assert _stored(rollup, bins.name) == {str(bin_of(_stored(row, bins.source))): 1}
        levels = {"overall": False} | ({"keyless": False} if model is DailyRollup else {})
        dimensions = model._default_manager.get(**levels)
        assert all(_stored(dimensions, name) == _stored(row, name) for name in measures.DIMENSIONS)
    session = SessionSummary.objects.get()
    columns = [name for name in expected if name != "unpriced"]
    assert {name: _stored(session, name) for name in columns} == {name: expected[name] for name in columns}

    today = query.last_days(1)
    totals = query.totals(Selection(today))
    shown: dict[Measure, Any] = {
        measure: to_dollars(expected[measure.name]) if measure.unit == "money" else expected[measure.name]
        for measure in REPORTED
    }
    assert totals == Totals(**{measure.total: value for measure, value in shown.items()})
    (record,) = csv.DictReader(io.StringIO(_csv(today).decode()))
    for measure, value in shown.items():
        if measure.report:
            assert record[measure.csv or measure.name] == str(exact(value)), measure.name
        if measure.me:
            assert me._usage(today, totals)[measure.me] == exact(value), measure.name


def _csv(days: query.Period) -> bytes:
    found = answer(Question(days.start, days.end, metric="requests", group="model", bucket="total"), measures=True)
    return b"".join(csv_file.blocks(lines.header(found), lines.records(found)))


def test_every_count_of_the_events_is_a_measure() -> None:
    assert sorted(kind for _, kind in EVENT_SUMS) == sorted(KINDS)


@pytest.mark.django_db
@pytest.mark.both_databases
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_different, _different)
def test_each_column_is_followed_from_the_events_to_the_csv_file(first: list[int], second: list[int]) -> None:
    one, other = (Tokens(*values) for values in (first, second))
    for answers in ((one,), (one, other)):
        with transaction.atomic():
            _written(*answers)
            _check(*answers)
            transaction.set_rollback(True)


@pytest.mark.django_db
@pytest.mark.both_databases
def test_what_no_event_reports_is_unknown_everywhere() -> None:
    _written(Tokens())
    row, rollup = RequestLog.objects.get(), UsageRollup.objects.get(overall=False)
    for column in measures.SUMS:
        assert (column, _stored(row, column), _stored(rollup, column)) == (column, None, None)
    assert (rollup.unknown_tokens, rollup.unknown_cost) == (1, 1)
    today = query.last_days(1)
    totals = query.totals(Selection(today))
    assert totals == Totals(requests=1, unpriced=1)
    unknown = b"," * sum(measure.kind == "sum" and measure.report != "" for measure in MEASURES)
    assert _csv(today).endswith(b",1,0" + unknown + b"\r\n")
    assert set(me._usage(today, totals).values()) == {1, 0, None, today.start.astimezone(UTC).strftime("%FT%TZ")}


def test_what_programs_read_keeps_its_names() -> None:
    assert ",".join(lines.NAMES) == HEADER
    assert tuple(me._usage(query.Period(datetime.now(UTC).date(), datetime.now(UTC).date()), Totals())) == OF_ME
    assert dict(EVENT_SUMS) == {
        "input_tokens": "input",
        "cache_read_tokens": "cache_read",
        "cache_write_tokens": "cache_write",
        "cache_write_1h_tokens": "cache_write_1h",
        "output_tokens": "output",
        "reasoning_tokens": "reasoning",
        "web_searches": "web_searches",
        "provider_cost": "cost",
    }

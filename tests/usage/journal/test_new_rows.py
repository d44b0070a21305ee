"""The writer's own way with new rows: whatever comes, in batches of any size, rows hold what records held, and rollups
match the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from random import Random
from typing import Any

import msgspec
import pytest

from tests.usage.added import (
    SUMS,
    assert_rollups_match,
    attempts_of,
    record,
)
from tests.usage.dated import attempt, day, identity, request
from usage.journal.account import Account
from usage.journal.records import AttemptRecord, RequestRecord
from usage.journal.writer import Writer
from usage.models import AttemptLog, RequestLog, SetAside
from usage.money import DollarsField, to_dollars
from usage.rollups.models import ClientRollup, DailyRollup, SessionSummary, TagRollup, UsageRollup

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

Made = tuple[RequestRecord, list[AttemptRecord]]
NOON = day("2026-03-05T12:00:00")


def write(writer: Writer, batch: Sequence[Made]) -> None:
    accounts = []
    for one, attempts in batch:
        account = Account(None, one)
        account.attempts = attempts
        accounts.append(account)
    writer.write(accounts)


def _like(model: Made, chance: Random) -> Made:
    """A request like another, as the next one of the same client is: with figures and a moment of its own."""
    request, attempts = model
    moment = request.started_at + timedelta(minutes=30 * chance.random(), microseconds=chance.randint(0, 9))
    shared: dict[str, Any] = {"started_at": moment}

    def figures(of: Any) -> dict[str, Any]:
        names = (*SUMS, "time_to_first_token_ms", "duration_ms")
        # Now and then another one is unknown, or none, or 0.
        return {
            name: chance.choice((0, 1, 1, 1)) * chance.randint(0, 80_000)
            for name in names
            if (getattr(of, name) is None) is (chance.random() < 0.02)
        }

    one = msgspec.structs.replace(
        request, **shared, **figures(request), id=identity(moment), request_id=f"req_{chance.random()}",
        session_id=chance.choice(("", "s1", "s2", "s" * 99)), agent_id=chance.choice(("", "a\0")),
        decision={"reasons": [["a", "'?"]]},
    )  # fmt: skip
    made = [
        msgspec.structs.replace(each, **shared, **figures(each), id=identity(moment), request_log_id=one.id)
        for each in attempts
    ]
    return one, made


def _batches(chance: Random) -> Iterator[list[Made]]:
    models: list[Made] = []
    for _ in range(5):
        one = record(chance.randrange(2**32))
        models.append((one, attempts_of(one)))
    for size in (1, 2, 7, 40, *(1,) * 9, 33, 1, 1, 18):
        yield [_like(chance.choice(models), chance) for _ in range(size)]


@pytest.mark.parametrize("seed", range(4))
def test_rows_and_rollups_hold_what_was_recorded(settings: Any, seed: int) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    writer, held = Writer(lambda accounts: None), []
    for batch in _batches(Random(seed)):
        write(writer, batch)
        held += batch
    assert not SetAside.objects.exists()
    for model, records in ((RequestLog, [one for one, _ in held]), (AttemptLog, [each for _, m in held for each in m])):
        rows = model._default_manager.in_bulk()
        assert len(rows) == len(records)
        for each in records:
            for field in model._meta.concrete_fields:
                _assert_held(field, getattr(rows[each.id], field.attname), getattr(each, field.attname))
    assert_rollups_match()


def _assert_held(field: Any, found: Any, held: Any) -> None:
    if isinstance(field, DollarsField) and held is not None:
        held = to_dollars(held)
    if isinstance(held, str):
        held = held.replace("\0", "")[: field.max_length]
    assert found == held, field.attname


def _known(writer: Writer, **fields: Any) -> Made:
    """Requests of one kind, until the writer knows its kind and where it counts; returns one more."""

    def one() -> Made:
        made = request(NOON, session_id="s", input_tokens=3, duration_ms=100, **fields)
        return made, [attempt(made, input_tokens=3)]

    for _ in range(4):
        write(writer, [one()])
    return one()


def test_what_arrives_twice_is_one_row_and_counts_once() -> None:
    writer = Writer(lambda accounts: None)
    new, old = _known(writer), _known(writer)
    write(writer, [old])
    write(writer, [old, new, old])
    assert (RequestLog.objects.count(), AttemptLog.objects.count()) == (10, 10)
    assert UsageRollup.objects.get(overall=False).requests == 10
    assert SessionSummary.objects.get().input_tokens == 30


@pytest.mark.parametrize("model", [UsageRollup, DailyRollup, TagRollup, ClientRollup, SessionSummary])
def test_rows_of_rollups_that_are_removed_meanwhile_begin_anew(model: Any) -> None:
    writer = Writer(lambda accounts: None)
    new = _known(writer)
    model.objects.all().delete()
    write(writer, [new])
    assert RequestLog.objects.count() == 5
    assert {row.requests for row in model.objects.all()} == {1}
    other = TagRollup if model is ClientRollup else ClientRollup
    assert other.objects.get().requests == 5


@pytest.mark.parametrize("wrong", [{"duration_ms": -1}, {"team_id": 2**63}, {"http_status": -1}])
def test_a_row_that_is_refused_takes_none_of_its_kind_along(wrong: dict[str, Any]) -> None:
    writer = Writer(lambda accounts: None)
    good, bad = _known(writer), [request(NOON, session_id="s", input_tokens=3, **wrong) for _ in range(3)]
    for one in bad:
        write(writer, [(one, []), good] if one is bad[0] else [(one, [])])
    assert RequestLog.objects.count() == 5
    assert SetAside.objects.count() == 3
    assert UsageRollup.objects.get(overall=True).requests == 5


def test_the_largest_sum_stays_the_largest() -> None:
    writer = Writer(lambda accounts: None)
    for _ in range(4):
        write(writer, [(request(NOON, output_tokens=2**63 - 1), []) for _ in range(2)])
    assert UsageRollup.objects.get(overall=False).output_tokens == 2**63 - 1


def test_a_session_has_the_names_of_its_newest_request() -> None:
    writer = Writer(lambda accounts: None)
    for hour in (12, 12, 12, 13, 13, 11, 11):
        moment = NOON.replace(hour=hour)
        write(writer, [(request(moment, session_id="s", key_id=1, key_name=f"at {hour}"), [])])
    session = SessionSummary.objects.get()
    assert (session.key_name, session.requests) == ("at 13", 7)
    assert (session.first_seen, session.last_seen) == (NOON.replace(hour=11), NOON.replace(hour=13))

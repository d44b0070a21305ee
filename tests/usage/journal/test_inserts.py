"""Inserting usage rows: every column arrives, twice is once, and the caller learns what was new."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.db import Error, models, transaction

from tests.usage.dated import attempt, request
from usage.journal.inserts import insert
from usage.models import AttemptLog, RequestLog
from usage.money import DollarsField, to_dollars

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOW = datetime(2026, 3, 31, 23, 59, 59, 123456, tzinfo=UTC)
UNUSUAL = 'Zoë\'s "50 %s" \\u0000 \\ {x} 💰\n'


def test_only_what_was_not_there_is_new() -> None:
    first, second, third = (request(NOW) for _ in range(3))
    assert insert([first, second], []) == {first.id, second.id}
    assert insert([second, third, third], []) == {third.id}
    assert insert([first, second, third], []) == set()
    assert set(RequestLog.objects.values_list("id", flat=True)) == {first.id, second.id, third.id}


def test_the_first_arrival_stands() -> None:
    original = request(NOW, output_tokens=5)
    insert([original], [])
    insert([msgspec.structs.replace(original, output_tokens=6)], [])
    assert RequestLog.objects.get().output_tokens == 5


def test_attempts_that_arrive_twice_are_one_row_each() -> None:
    one = request(NOW)
    attempts = [attempt(one, number=number) for number in (1, 2)]
    insert([one], attempts)
    assert insert([], attempts) == set()
    assert list(AttemptLog.objects.order_by("number").values_list("id", flat=True)) == [call.id for call in attempts]


def test_nothing_to_insert_asks_nothing_of_the_database(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert insert([], []) == set()


def _filled(record: Any) -> Any:
    """The record with a value of its own in each field that has none yet, as the field's column takes it."""
    model = RequestLog if hasattr(record, "team_id") else AttemptLog
    for number, field in enumerate(model._meta.concrete_fields, start=1):
        name = field.attname
        if not hasattr(record, name) or getattr(record, name) not in (None, "", False):
            continue
        value: Any = number
        if isinstance(field, models.CharField):
            value = UNUSUAL[: field.max_length]
        elif isinstance(field, models.BooleanField):
            value = True
        elif isinstance(field, models.UUIDField):
            value = UUID(int=number)
        elif isinstance(field, models.JSONField):
            value = {"reasons": [[UNUSUAL, None, 1.5, True]], UNUSUAL: {}}
        setattr(record, name, value)
    return record


def test_every_column_holds_what_the_record_held() -> None:
    one = _filled(request(NOW))
    call = _filled(attempt(one))
    insert([one], [call])
    for row, record in ((RequestLog.objects.get(), one), (AttemptLog.objects.get(), call)):
        for field in row._meta.concrete_fields:
            stored, held = getattr(row, field.attname), getattr(record, field.attname)
            assert stored == (to_dollars(held) if isinstance(field, DollarsField) else held), field.attname


def test_what_a_record_does_not_know_is_null() -> None:
    insert([request(NOW)], [])
    row = RequestLog.objects.get()
    assert (row.input_tokens, row.cost, row.http_status, row.decision, row.team_id) == (None,) * 5
    assert row.streamed is False


def test_a_moment_in_another_zone_is_the_same_moment() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-5, minutes=-30)))
    insert([request(NOW, started_at=elsewhere)], [])
    assert RequestLog.objects.get().started_at == NOW


def test_text_that_fits_no_column_is_cut_and_loses_its_nul() -> None:
    insert([request(NOW, client="a\0b" * 100, request_model="ü" * 500, decision={"a\0": ["b\0", 1]})], [])
    row = RequestLog.objects.get()
    assert row.client == ("ab" * 100)[:80]
    assert row.request_model == "ü" * 200
    assert str(row.decision).replace("\\x00", "") == "{'a': ['b', 1]}"


def test_more_rows_than_one_statement_holds() -> None:
    requests = [request(NOW) for _ in range(1_203)]
    insert(requests[:7], [])
    attempts = [attempt(one) for one in requests]
    assert insert(requests, attempts) == {one.id for one in (*requests[7:], *attempts)}
    assert (RequestLog.objects.count(), AttemptLog.objects.count()) == (1_203, 1_203)


@pytest.mark.parametrize("wrong", [{"duration_ms": -1}, {"team_id": 2**63}])
def test_a_row_that_the_database_refuses_takes_its_transaction_along(wrong: dict[str, Any]) -> None:
    with pytest.raises((Error, OverflowError)), transaction.atomic():
        insert([request(NOW), request(NOW, **wrong)], [])
    assert not RequestLog.objects.exists()

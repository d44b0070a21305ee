"""The writer: every finished request becomes its rows, once, and a bad one does not take the others with it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.harness.patience import until
from usage.journal.account import Account, new_identity
from usage.journal.journal import Journal
from usage.journal.recorder import Recorder
from usage.journal.writer import BATCH, Writer
from usage.models import AttemptLog, RequestLog, SetAside

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def recorder_in(folder: Path, linger: float = 0.0) -> Recorder:
    """A recorder with a journal and a writer that is not started yet."""
    journal = Journal(folder / "journal")
    journal.start()
    return Recorder(Writer(journal.written, linger=linger), journal)


def finished(recorder: Recorder, **fields: Any) -> Account:
    account = recorder.open(new_identity())
    account.request.outcome = "completed"
    for name, value in fields.items():
        setattr(account.request, name, value)
    record = account.attempt()
    record.outcome = "completed"
    account.close_attempt()
    account.close()
    return account


def test_stopping_writes_all_that_was_put(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    recorder.writer.start()
    ids = [finished(recorder, route_name="r", cost=number).request.id for number in range(1_200)]
    recorder.writer.stop()
    assert set(RequestLog.objects.values_list("id", flat=True)) == set(ids)
    assert AttemptLog.objects.count() == 1_200
    assert recorder.writer.waiting == 0


def test_a_record_that_arrives_twice_is_one_row(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    account = finished(recorder)
    recorder.writer.put(account)
    recorder.writer.start()
    recorder.writer.stop()
    assert RequestLog.objects.count() == 1
    assert AttemptLog.objects.count() == 1


def test_a_refused_row_is_set_aside_and_the_others_are_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = recorder_in(tmp_path)
    good = [finished(recorder).request.id for _ in range(3)]
    bad = finished(recorder, http_status=-1, client="a\0b", rule="\\u0000").request
    good += [finished(recorder).request.id for _ in range(3)]
    with caplog.at_level(logging.ERROR, logger="gateway.usage"):
        recorder.writer.start()
        recorder.writer.stop()
    assert set(RequestLog.objects.values_list("id", flat=True)) == set(good)
    aside = SetAside.objects.get()
    assert aside.request_id == bad.request_id
    assert "http_status" in aside.cause
    assert (aside.payload["request"]["client"], aside.payload["request"]["rule"]) == ("ab", bad.rule)
    assert aside.payload["attempts"][0]["outcome"] == "completed"
    assert [record.fields["request_id"] for record in caplog.records] == [bad.request_id]  # type: ignore[attr-defined]


def test_unknown_is_null_and_known_is_kept(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    known = finished(
        recorder, input_tokens=0, output_tokens=None, cost=None, decision={"reasons": [["a", "b"]]}
    ).request
    recorder.writer.start()
    recorder.writer.stop()
    row = RequestLog.objects.get(id=known.id)
    assert isinstance(row.id, UUID)
    assert (row.input_tokens, row.output_tokens, row.cost) == (0, None, None)
    assert row.decision == {"reasons": [["a", "b"]]}
    assert row.started_at == known.started_at


def test_text_that_is_too_long_or_odd_is_cut_and_not_refused(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    finished(recorder, request_model="x" * 500, client="a\0b")
    recorder.writer.start()
    recorder.writer.stop()
    row = RequestLog.objects.get()
    assert (len(row.request_model), row.client) == (200, "ab")


_FOR_EVER = 10_000.0


def _rows_become(count: int) -> None:
    until(lambda: RequestLog.objects.count() == count, lambda: f"{RequestLog.objects.count()} rows of {count}")


def test_the_first_row_is_written_soon_and_the_next_one_waits_until_the_end(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path, _FOR_EVER)
    recorder.writer.start()
    finished(recorder)
    _rows_become(1)
    finished(recorder)
    finished(recorder)
    assert recorder.writer.waiting == 2
    recorder.writer.stop()
    assert RequestLog.objects.count() == 3
    assert recorder.journal.is_settled


def test_a_row_that_the_journal_does_not_have_waits_for_none(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", max_bytes=1)
    journal.start()
    recorder = Recorder(Writer(journal.written, linger=_FOR_EVER), journal)
    recorder.writer.start()
    for count in (1, 2, 3):
        finished(recorder)
        _rows_become(count)
    recorder.writer.stop()


def test_a_full_batch_waits_for_no_more(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path, _FOR_EVER)
    recorder.writer.start()
    finished(recorder)
    _rows_become(1)
    for _ in range(BATCH):
        finished(recorder)
    _rows_become(1 + BATCH)
    recorder.writer.stop()

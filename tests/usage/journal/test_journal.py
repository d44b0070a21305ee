"""The journal: what a worker wrote down becomes rows when the worker is gone, and not before."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.usage.lines import journal_line
from usage.journal import replay
from usage.journal.account import Account, new_identity
from usage.journal.journal import Journal
from usage.journal.recorder import Recorder
from usage.journal.segments import Entry, entries
from usage.journal.writer import Writer
from usage.models import AttemptLog, Outcome, RequestLog

NOBODY = Path("/nonexistent")


def recorder_in(root: Path, **options: Any) -> Recorder:
    journal = Journal(root, **options)
    journal.start()
    return Recorder(Writer(journal.written), journal)


def begun(recorder: Recorder, route: str = "r") -> Account:
    """A request whose first attempt is on its way upstream."""
    account = recorder.open(new_identity())
    account.request.route_name = route
    account.attempt().provider_name = "p"
    account.admit()
    return account


def ended(recorder: Recorder) -> Account:
    account = begun(recorder)
    account.request.outcome = account.attempts[-1].outcome = Outcome.COMPLETED
    account.request.output_tokens = 7
    account.close_attempt()
    account.close()
    return account


def in_a_process_that_dies(work: Callable[[], object]) -> None:
    """Run `work` in a child that ends without any clean-up, as after kill -9."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def adopt(root: Path, own: Path = NOBODY) -> int:
    writer = Writer(lambda account: None)
    return replay.adopt(root, own, writer.write_through, writer.return_block)


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_what_a_dead_worker_was_doing_becomes_interrupted_rows_and_what_it_had_done_its_rows(tmp_path: Path) -> None:
    def work() -> None:
        recorder = recorder_in(tmp_path)
        begun(recorder, "unfinished")
        ended(recorder)

    in_a_process_that_dies(work)
    assert adopt(tmp_path) == 2
    done = RequestLog.objects.get(outcome=Outcome.COMPLETED)
    assert (done.output_tokens, done.attempts) == (7, 1)
    cut = RequestLog.objects.get(outcome=Outcome.INTERRUPTED)
    assert (cut.route_name, cut.provider_name, cut.output_tokens, cut.attempts) == ("unfinished", "p", None, 1)
    attempt = AttemptLog.objects.get(request_log_id=cut.id)
    assert (attempt.outcome, attempt.output_tokens) == (Outcome.INTERRUPTED, None)
    assert AttemptLog.objects.count() == 2
    assert list(tmp_path.iterdir()) == []
    assert adopt(tmp_path) == 0


@pytest.mark.django_db(transaction=True)
def test_a_failed_first_attempt_keeps_its_outcome_when_the_second_is_cut_off(tmp_path: Path) -> None:
    def work() -> None:
        account = begun(recorder_in(tmp_path))
        account.attempts[0].outcome = Outcome.FAILED
        account.attempts[0].error_type = "rate_limit"
        account.attempt().provider_name = "second"
        account.admit()

    in_a_process_that_dies(work)
    adopt(tmp_path)
    first, second = AttemptLog.objects.order_by("number")
    assert (first.outcome, first.error_type) == (Outcome.FAILED, "rate_limit")
    assert (second.outcome, second.provider_name) == (Outcome.INTERRUPTED, "second")
    assert RequestLog.objects.get().provider_name == "second"


@pytest.mark.django_db(transaction=True)
def test_rows_that_were_written_before_the_death_are_not_written_twice(tmp_path: Path) -> None:
    """The worker died between the commit and the removal of the segment."""
    recorder = recorder_in(tmp_path / "alive")
    account = ended(recorder)
    recorder.writer.start()
    recorder.writer.stop()

    def work() -> None:
        other = recorder_in(tmp_path / "dead")
        account.segments.clear()
        other.journal.append(account, ended=True)

    in_a_process_that_dies(work)
    assert adopt(tmp_path / "dead") == 1
    assert RequestLog.objects.count() == 1
    assert AttemptLog.objects.count() == 1


def test_a_living_worker_is_left_alone(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    begun(recorder)
    assert replay.adopt(tmp_path, NOBODY, lambda batch: pytest.fail("adopted from a living worker"), pytest.fail) == 0
    recorder.journal.stop()


def test_what_the_database_does_not_take_waits_for_the_next_time(tmp_path: Path) -> None:
    in_a_process_that_dies(lambda: begun(recorder_in(tmp_path)))
    seen: list[int] = []

    def write(batch: list[Any]) -> bool:
        seen.append(len(batch))
        return len(seen) > 1

    given_back: list[str] = []

    def give_back(worker: str) -> bool:
        given_back.append(worker)
        return len(given_back) > 1

    (folder,) = tmp_path.iterdir()
    assert replay.adopt(tmp_path, NOBODY, write, give_back) == 0
    assert given_back == []
    assert replay.adopt(tmp_path, NOBODY, write, give_back) == 0
    assert replay.adopt(tmp_path, NOBODY, write, give_back) == 1
    assert given_back == [folder.name, folder.name]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_a_graceful_stop_leaves_nothing_behind(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    recorder.writer.start()
    for _ in range(50):
        ended(recorder)
    recorder.writer.stop()
    recorder.journal.stop()
    assert list(tmp_path.iterdir()) == []
    assert RequestLog.objects.count() == 50


def test_a_torn_line_costs_only_itself() -> None:
    recorder = Recorder(Writer(lambda account: None), Journal(NOBODY))
    accounts = [recorder.open(new_identity()) for _ in range(3)]
    begun_ = [Entry("open", account.request, account.attempts) for account in accounts]
    lines = [journal_line(entry) for entry in begun_]
    torn = lines[1][: len(lines[1]) // 2] + b"#" + lines[1][len(lines[1]) // 2 + 1 :]
    read = list(entries(lines[0] + torn + lines[2] + lines[0][:40]))
    assert [entry and entry.request.id for entry in read] == [
        accounts[0].request.id,
        None,
        accounts[2].request.id,
        None,
    ]


def test_a_journal_at_its_limit_fails_says_so_and_recovers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usage.journal.journal.RETRY_SECONDS", 0.0)
    recorder = recorder_in(tmp_path, max_bytes=5_000)
    accounts = []
    while recorder.journal.failing is None:
        accounts.append(begun(recorder))
    assert "limit" in recorder.journal.failing
    assert recorder.journal.size <= 5_000
    # Alone that refuses nobody: the rows go straight to the database.
    assert recorder.refusal() is None
    recorder.writer.failing_since = 1.0
    assert recorder.refusal() is not None
    for account in accounts:
        recorder.journal.written([account])
    begun(recorder)
    assert recorder.journal.failing is None
    assert recorder.refusal() is None
    recorder.journal.stop()


def test_a_folder_that_cannot_be_made_fails_without_an_exception(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    recorder = recorder_in(tmp_path / "file")
    begun(recorder)
    assert recorder.journal.failing is not None
    recorder.journal.stop()


def test_segments_are_turned_over_and_removed_when_their_requests_are_in_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("usage.journal.journal.SEGMENT_BYTES", 3_000)
    recorder = recorder_in(tmp_path)
    accounts = [begun(recorder) for _ in range(20)]
    folder = recorder.journal.folder
    assert len(list(folder.glob("*.journal"))) > 2
    for account in accounts:
        recorder.journal.written([account])
    assert len(list(folder.glob("*.journal"))) == 1
    recorder.journal.stop()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_what_another_version_wrote_is_kept_while_the_rest_is_adopted(tmp_path: Path) -> None:
    def work() -> None:
        recorder = recorder_in(tmp_path)
        ended(recorder)
        strange = b'{"kind":"of another version"}'
        (recorder.journal.folder / "00000009.journal").write_bytes(b"%08x %b\n" % (zlib.crc32(strange), strange))

    in_a_process_that_dies(work)
    assert adopt(tmp_path) == 1
    assert RequestLog.objects.count() == 1
    assert [path.name for path in tmp_path.rglob("*.unreadable")] == ["00000009.unreadable"]
    assert adopt(tmp_path) == 0


def test_a_folder_that_was_left_half_made_goes_after_a_while(tmp_path: Path) -> None:
    old, fresh = tmp_path / ".old", tmp_path / ".fresh"
    for folder in (old, fresh):
        folder.mkdir()
        (folder / "lock").touch()
    os.utime(old, (0, 0))
    assert replay.adopt(tmp_path, NOBODY, lambda batch: pytest.fail("there was nothing to adopt"), pytest.fail) == 0
    assert [path.name for path in tmp_path.iterdir()] == [".fresh"]

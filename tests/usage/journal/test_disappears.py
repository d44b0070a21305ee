"""A journal whose files somebody else removes, and a disk that fails: what was written down is written down again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection, connections

from tests.harness.patience import until
from tests.usage.journal.test_journal import NOBODY, adopt, begun, ended, in_a_process_that_dies, recorder_in
from usage.journal import replay
from usage.journal.journal import Journal
from usage.journal.writer import Writer
from usage.models import Outcome, RequestLog


def _folder(journal: Journal) -> None:
    shutil.rmtree(journal.folder)


def _root(journal: Journal) -> None:
    shutil.rmtree(journal.folder.parent)


def _file(journal: Journal) -> None:
    for path in journal.folder.glob("*.journal"):
        path.unlink()


def _lock(journal: Journal) -> None:
    (journal.folder / "lock").unlink()


def _another_in_its_place(journal: Journal) -> None:
    moved = journal.folder.rename(journal.folder.with_name("moved"))
    journal.folder.mkdir()
    shutil.rmtree(moved)


HARM: list[Callable[[Journal], None]] = [_folder, _root, _file, _lock, _another_in_its_place]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("harm", HARM)
def test_what_was_in_files_that_disappeared_survives_the_worker(
    harm: Callable[[Journal], None], tmp_path: Path
) -> None:
    root = tmp_path / "journal"

    def work() -> None:
        recorder = recorder_in(root)
        begun(recorder, "running")
        done = ended(recorder)
        # Its row is written, so that nothing of it is needed.
        recorder.journal.written([ended(recorder)])
        harm(recorder.journal)
        recorder.journal.check()
        assert recorder.journal.failing is None
        assert recorder.journal.disappeared_at is not None
        assert done.segments
        begun(recorder, "later")

    in_a_process_that_dies(work)
    assert adopt(root) == 3
    rows = {row.route_name: row.outcome for row in RequestLog.objects.all()}
    assert rows == {"running": Outcome.INTERRUPTED, "r": Outcome.COMPLETED, "later": Outcome.INTERRUPTED}
    assert adopt(root) == 0
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("harm", HARM)
def test_a_stop_survives_it(harm: Callable[[Journal], None], tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path / "journal")
    account = begun(recorder)
    harm(recorder.journal)
    recorder.journal.stop()
    # Its row is not written, so its line must be there for the next worker.
    (folder,) = [path for path in (tmp_path / "journal").iterdir() if any(path.glob("*.journal"))]
    assert [request.id for request, _ in replay.read(folder)[0]] == [account.request.id]


def test_a_folder_that_was_moved_aside_is_not_adopted_while_its_requests_run(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    begun(recorder)
    recorder.journal.folder.rename(tmp_path / "moved")
    recorder.journal.check()
    assert replay.adopt(tmp_path, NOBODY, lambda batch: pytest.fail("adopted from a living worker"), pytest.fail) == 0
    recorder.journal.stop()


def test_a_disk_that_works_again_is_noticed_without_a_request(tmp_path: Path) -> None:
    root = tmp_path / "journal"
    recorder = recorder_in(root)
    before = begun(recorder)
    shutil.rmtree(root)
    root.write_text("not a folder")
    recorder.journal.check()
    assert recorder.journal.failing is not None
    during = [begun(recorder), ended(recorder)]
    gone = begun(recorder)
    recorder.journal.written([gone])
    root.unlink()
    recorder.journal.check()
    assert recorder.journal.failing is None
    # What could not be written then is written now, but for what is in the database.
    accounts, torn = replay.read(recorder.journal.folder)
    assert {request.id for request, _ in accounts} == {account.request.id for account in [before, *during]}
    assert {request.outcome for request, _ in accounts} == {Outcome.INTERRUPTED, Outcome.COMPLETED}
    assert torn == 0
    recorder.journal.stop()


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_a_database_that_is_locked_is_noticed_before_the_driver_gives_up(tmp_path: Path) -> None:
    writer = Writer(lambda account: None)
    writer.start()
    writer.test()
    until(lambda: writer.takes_rows() and writer.waiting == 0, "a database that takes rows")
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        sqlite = connection.vendor == "sqlite"
        cursor.execute("BEGIN EXCLUSIVE" if sqlite else "BEGIN; LOCK TABLE usage_requestlog IN ACCESS EXCLUSIVE MODE")
        writer.test()
        until(lambda: not writer.takes_rows(), "the lock to be noticed")
        assert writer.failing_since is None
        cursor.execute("ROLLBACK")
    other.close()
    until(writer.takes_rows, "the database to take rows again")
    writer.stop()

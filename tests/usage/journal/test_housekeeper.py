"""What the State page says of the housekeeper's tasks was done."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tests.harness.patience import until
from tests.harness.rows import Rows
from usage.journal.housekeeper import Housekeeper
from usage.journal.journal import Journal
from usage.journal.writer import Writer


class _Writer(SimpleNamespace):
    """What the housekeeper asks of a writer that works."""

    def takes_rows(self) -> bool:
        return True

    def test(self) -> None:
        pass

    def write_through(self, *_: Any) -> None:
        raise AssertionError("nobody left a row")

    return_block = write_through


def _tasks_done(root: Path) -> set[str]:
    journal = Journal(root)
    journal.start()
    housekeeper = Housekeeper(journal, cast(Writer, _Writer()), adopt_seconds=3600)
    housekeeper.start()
    try:
        # The last of the first round.
        until(lambda: "rollups of months" in housekeeper.last)
    finally:
        housekeeper.stop()
        journal.stop()
    return set(housekeeper.last)


def test_a_journal_that_cannot_be_written_was_not_written(orm: Rows, tmp_path: Path) -> None:
    assert "journal" in _tasks_done(tmp_path / "folder")
    file = tmp_path / "file"
    file.touch()
    assert "journal" not in _tasks_done(file)

"""What the kernel says of a file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from routing.watch.file_events import FileEvents
from tests.harness.patience import until


def test_a_write_to_the_file_is_an_event_and_to_another_one_is_none(tmp_path: Path) -> None:
    events = FileEvents(tmp_path, frozenset({"a", "a-wal"}))
    try:
        assert not events.taken()
        (tmp_path / "b").write_text("another")
        assert not events.taken()
        for name in ("a", "a-wal"):
            with (tmp_path / name).open("a") as file:
                file.write("x")
            assert events.taken()
            assert not events.taken()
        # What takes the place of another one.
        (tmp_path / "b").rename(tmp_path / "a")
        assert events.taken()
    finally:
        events.close()


def test_a_folder_that_is_gone_has_none_any_more(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    events = FileEvents(folder, frozenset({"a"}))
    try:
        shutil.rmtree(folder)

        def ended() -> bool:
            try:
                events.taken()
            except OSError:
                return True
            return False

        until(ended, "the end")
    finally:
        events.close()


def test_a_folder_that_was_never_there_has_none(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="inotify_add_watch"):
        FileEvents(tmp_path / "nowhere", frozenset({"a"}))

"""Journals of an earlier version, replayed: every column of every row is what that version made of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.earlier.restored import FILES, command, count, expected, rows, without
from usage.journal import replay
from usage.journal.account import new_identity
from usage.journal.journal import Journal
from usage.journal.recorder import Recorder
from usage.journal.segments import entries, line_of
from usage.journal.writer import Writer
from usage.rollups.measures import COST_PARTS

NOBODY = Path("/nonexistent")


def _replayed(tmp_path: Path) -> int:
    journals = shutil.copytree(FILES / "journal", tmp_path / "journal")
    adopted = replay.adopt(journals, NOBODY, Writer(lambda account: None).write_through)
    assert list(journals.iterdir()) == []
    return adopted


def _keep_earlier_columns(payload: dict[str, Any]) -> None:
    """Takes out what columns of later versions hold, which is nothing."""
    for row in (payload["request"], *payload["attempts"]):
        assert (row.pop("error_message"), row.pop("provider_message")) == ("", "")
        assert {row.pop(part) for part in COST_PARTS} == {None}


@pytest.mark.both_databases
@pytest.mark.usefixtures("earlier")
def test_what_dead_workers_left_becomes_the_rows_that_it_became(tmp_path: Path) -> None:
    assert _replayed(tmp_path) == expected()["adopted"]
    for label, earlier in expected()["replayed"].items():
        if label == "usage.SetAside":
            # Its number and its moment are today's.
            found = without(rows(label, earlier, by="request_id"), "id", "created_at")
            earlier = without(earlier, "id", "created_at")
            for row in found:
                _keep_earlier_columns(row["payload"])
        else:
            found = rows(label, earlier)
        assert found == earlier, label
        assert count(label) == expected()["counted"][label], label
    command("rebuild_rollups", "--check", "--from", "2026-11-20", "--to", "2026-11-20")


@pytest.mark.both_databases
@pytest.mark.usefixtures("earlier")
def test_the_report_of_what_was_replayed_has_the_same_lines(tmp_path: Path) -> None:
    _replayed(tmp_path)
    browser = Client(headers={"host": "127.0.0.1"})
    browser.force_login(User.objects.get(username="chief"))
    answer: Any = browser.get("/admin/console/report.csv?first=2026-08-01&last=2026-11-30")
    assert sorted(b"".join(answer).decode().splitlines()) == expected()["report_after_replay"]


def test_a_line_has_the_names_that_it_had(tmp_path: Path) -> None:
    """Workers of two versions adopt from each other while one replaces the other."""
    journal = Journal(tmp_path)
    journal.start()
    account = Recorder(Writer(journal.written), journal).open(new_identity())
    account.attempt()
    account.admit()
    (file,) = tmp_path.rglob("*.journal")
    line = json.loads(file.read_bytes()[9:])
    journal.stop()
    earlier = expected()["journal"]
    assert set(earlier["line"]) <= set(line)
    assert set(earlier["request"]) <= set(line["request"])
    assert set(earlier["attempts"]) <= set(line["attempts"][0])


def test_a_line_that_is_read_and_written_again_says_the_same() -> None:
    for file in (FILES / "journal").rglob("*.journal"):
        data = file.read_bytes()
        whole = [line for line, entry in zip(data.split(b"\n"), entries(data), strict=False) if entry is not None]
        again = [line_of(entry) for entry in entries(data) if entry is not None]
        assert [_values(line) for line in whole] == [_values(line) for line in again]


def _values(line: bytes) -> Any:
    names, written = expected()["journal"], json.loads(line[9:])
    return {
        "kind": written["kind"],
        "request": {name: written["request"][name] for name in names["request"]},
        "attempts": [{name: attempt[name] for name in names["attempts"]} for attempt in written["attempts"]],
    }

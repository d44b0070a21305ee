"""Journals of an earlier version, replayed: every column of every row is what that version made of them."""

from __future__ import annotations

import csv
import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.earlier.restored import FILES, command, count, expected, rows, without
from tests.usage.lines import journal_line
from usage.journal import replay
from usage.journal.account import new_identity
from usage.journal.journal import Journal
from usage.journal.recorder import Recorder
from usage.journal.records import AttemptRecord, RequestRecord, defaults
from usage.journal.segments import entries
from usage.journal.writer import Writer
from usage.rollups.measures import COST_PARTS

NOBODY = Path("/nonexistent")


def _replayed(tmp_path: Path) -> int:
    journals = shutil.copytree(FILES / "journal", tmp_path / "journal")
    writer = Writer(lambda account: None)
    adopted = replay.adopt(journals, NOBODY, writer.write_through, writer.return_block)
    assert list(journals.iterdir()) == []
    return adopted


_LATER = ("error_message", "sentence_code", "provider_message", *COST_PARTS)
_LATER_REQUEST = (
    "owner_id", "owner_name", "tags_id", "tags", "agent_type", "request_class", "client_name", "client_version",
    "end_user", "routing_revision", "access_revision", "worker",
)  # fmt: skip
_LATER_ATTEMPT = (
    "reported_model", "service_tier", "region", "reserved", "drawn_from", "time_to_connect_ms", "time_to_headers_ms",
    "dropped",
)  # fmt: skip


def _keep_earlier_columns(payload: dict[str, Any]) -> None:
    """Takes out what columns of later versions hold, which is nothing."""
    for row, later in ((payload["request"], _LATER_REQUEST), *((row, _LATER_ATTEMPT) for row in payload["attempts"])):
        assert {row.pop(column) for column in (*_LATER, *later)} <= {None, ""}


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
    answer: Any = browser.get("/admin/console/report.csv?first=2026-08-01&last=2026-11-30", follow=True)
    lines = list(csv.DictReader(b"".join(answer).decode().splitlines()))
    report = sorted(expected()["report_after_replay"], key=lambda line: not line.startswith("day,"))
    earlier = list(csv.DictReader(report))
    for column in ("requests", "errors", "input_tokens", "output_tokens", "cost_usd"):
        assert _sum(lines, column) == _sum(earlier, column), column


def _sum(lines: list[dict[str, str]], column: str) -> Decimal:
    return sum((Decimal(line[column] or 0) for line in lines), Decimal())


def test_a_line_has_the_names_that_it_had(tmp_path: Path) -> None:
    """Workers of two versions adopt from each other while one replaces the other. A name that is left out has its
    default, which is the same in both."""
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
    assert set(earlier["request"]) <= {*line["request"], *defaults(RequestRecord)}
    assert set(earlier["attempts"]) <= {*line["attempts"][0], *defaults(AttemptRecord)}
    assert {*defaults(RequestRecord).values(), *defaults(AttemptRecord).values()} == {None, "", False}


def test_a_line_that_is_read_and_written_again_says_the_same() -> None:
    for file in (FILES / "journal").rglob("*.journal"):
        data = file.read_bytes()
        whole = [line for line, entry in zip(data.split(b"\n"), entries(data), strict=False) if entry is not None]
        again = [journal_line(entry) for entry in entries(data) if entry is not None]
        assert [_values(line) for line in whole] == [_values(line) for line in again]


def _values(line: bytes) -> Any:
    names, written = expected()["journal"], json.loads(line[9:])
    request = defaults(RequestRecord) | written["request"]
    attempts = [defaults(AttemptRecord) | attempt for attempt in written["attempts"]]
    return {
        "kind": written["kind"],
        "request": {name: request[name] for name in names["request"]},
        "attempts": [{name: attempt[name] for name in names["attempts"]} for attempt in attempts],
    }

"""The file of a list: its columns and lines, and the folder of files that were prepared by jobs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from usage.reports.rows.filters import Kind
from usage.reports.spreadsheet import cell

KEPT: Final = timedelta(days=7)
"""A prepared file is deleted after this time."""
_PART_KEPT = timedelta(days=1)
"""One that is not whole is deleted when nothing was written to it for this time."""
_NOT_IN_FILES = frozenset({"decision", "tags_id", "key_prefix", "routing_revision", "access_revision", "price_id"})


def file_columns(kind: Kind) -> tuple[str, ...]:
    """Returns the columns of the file of a list, which are those of the table."""
    fields: Iterable[Any] = kind.model._meta.concrete_fields
    return tuple(field.name for field in fields if field.name not in _NOT_IN_FILES)


def line(values: Iterable[Any]) -> list[Any]:
    """Returns a line of the file: moments in UTC, exact amounts, lists in one cell; what is unknown is empty."""
    return [_value(value) for value in values]


def prepared(number: int) -> Path:
    """Returns the path of the file that a job prepares; whether it is there, on this host, is another question."""
    return Path(settings.EXPORT_DIR) / f"job-{number}.csv.gz"


def delete_old() -> None:
    """Deletes prepared files after their time, and what a process that was killed left. Raises OSError."""
    folder = Path(settings.EXPORT_DIR)
    if not folder.is_dir():
        return
    problem: OSError | None = None
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                _delete_if_old(entry)
            except FileNotFoundError:
                # Another worker was first.
                continue
            except OSError as error:
                problem = problem or error
    if problem is not None:
        raise problem


def _delete_if_old(entry: os.DirEntry[str]) -> None:
    if not entry.name.startswith("job-") or not entry.is_file(follow_symlinks=False):
        return
    kept = _PART_KEPT if entry.name.endswith(".part") else KEPT
    if entry.stat().st_mtime < time.time() - kept.total_seconds():
        Path(entry.path).unlink(missing_ok=True)


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return cell(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return cell(" ".join(map(str, value)))
    if isinstance(value, dict):
        return cell(json.dumps(value))
    return f"{value:f}" if isinstance(value, Decimal) else value

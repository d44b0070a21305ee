"""Reads the rows of LiteLLM's tables from a dump, or from a folder with a CSV or JSON file of each table."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from configuration.foreign.litellm_keys import pg_dump

KEYS = "litellm_verificationtoken"
TEAMS = "litellm_teamtable"
USERS = "litellm_usertable"
SPEND = "litellm_dailyuserspend"
BUDGETS = "litellm_budgettable"
MEMBERSHIPS = "litellm_teammembership"
OTHERS = {
    "litellm_endusertable": ("end users", "user_id"),
    "litellm_tagtable": ("tags", "tag_name"),
    "litellm_organizationtable": ("organizations", "organization_alias"),
    "litellm_organizationmembership": ("members of organizations", "user_id"),
    "litellm_projecttable": ("projects", "project_alias"),
}
"""Tables whose rows may have a budget and are nothing here: what they are called, and the column with a row's name."""
TABLES = frozenset({KEYS, TEAMS, USERS, SPEND, BUDGETS, MEMBERSHIPS, *OTHERS})
_LARGEST_JSON = 256 * 1024 * 1024


class UnreadableDump(Exception):
    """The dump is not there, or no dump; the message says what to do."""


class TableRow(msgspec.Struct, frozen=True):
    """One row of a table and where it is: values as text, or as JSON has them."""

    table: str
    place: str
    values: dict[str, Any] = {}
    problem: str = ""


def rows_of(path: Path) -> Iterator[TableRow]:
    """Yields the rows of the tables that an import reads. Raises UnreadableDump."""
    try:
        if path.is_dir():
            yield from _of_folder(path)
            return
        with path.open("rb") as file:
            if file.read(5) == b"PGDMP":
                raise UnreadableDump(
                    "This is a dump in PostgreSQL's custom format: make one with pg_dump --format=plain."
                )
            file.seek(0)
            for row in pg_dump.rows_of(file, TABLES):
                yield TableRow(row.table, f"line {row.line}", row.values, row.problem)
    except OSError as error:
        raise UnreadableDump(f"{path}: {error.strerror}.") from error


def _of_folder(path: Path) -> Iterator[TableRow]:
    for file in sorted(path.iterdir()):
        table = file.stem.rpartition(".")[2].strip('"').lower()
        if table not in TABLES:
            continue
        if file.suffix == ".csv":
            yield from _of_csv(table, file)
        elif file.suffix in (".json", ".jsonl", ".ndjson"):
            yield from _of_json(table, file)


def _of_csv(table: str, path: Path) -> Iterator[TableRow]:
    csv.field_size_limit(pg_dump.LONGEST)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.DictReader(file)
        try:
            for row in reader:
                place = f"{path.name} line {reader.line_num}"
                if None in row or None in row.values():
                    yield TableRow(table, place, problem="it has not as many values as the table has columns")
                else:
                    yield TableRow(table, place, {name: value or None for name, value in row.items()})
        except csv.Error as error:
            raise UnreadableDump(
                f"{path.name}: what follows line {reader.line_num} cannot be read ({error}). Export the table as JSON, "
                "or make a plain dump."
            ) from error


def _of_json(table: str, path: Path) -> Iterator[TableRow]:
    if path.stat().st_size > _LARGEST_JSON:
        raise UnreadableDump(f"{path}: The file is larger than 256 MB. Export it as CSV, or make a plain dump.")
    text = path.read_text("utf-8-sig", errors="replace")
    try:
        found = (
            json.loads(text)
            if text.lstrip().startswith("[")
            else [json.loads(line) for line in text.split("\n") if line.strip()]
        )
    except (ValueError, RecursionError) as error:
        raise UnreadableDump(f"{path}: This is neither a JSON list of rows nor a row on each line.") from error
    for number, row in enumerate(found, 1):
        place = f"{path.name} row {number}"
        if isinstance(row, dict):
            yield TableRow(table, place, row)
        else:
            yield TableRow(table, place, problem="it is no object")

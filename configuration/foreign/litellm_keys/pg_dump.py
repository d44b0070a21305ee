"""Reads rows out of a plain-format dump of PostgreSQL's pg_dump, line by line: COPY blocks and INSERT statements."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import BinaryIO

import msgspec

LONGEST = 4 * 1024 * 1024
"""Bytes of a row that are read; LiteLLM's rows of keys have a few thousand."""

_ENDING = 8
_CUT_OFF = "the dump ends in the middle of the table: make it again"
_TABLE = rb'(?:ONLY )?(?:"?[\w$]+"?\.)?"?([\w$]+)"?'
_COPY = re.compile(rb"COPY " + _TABLE + rb" \((.*)\) FROM stdin;\s*$")
_INSERT = re.compile(rb"INSERT INTO " + _TABLE + rb"(?: \(([^()]*)\))?(?: OVERRIDING \w+ VALUE)? VALUES\s*")
_CREATE = re.compile(rb"CREATE (?:UNLOGGED )?TABLE " + _TABLE + rb" \(\s*$")
_COLUMN = re.compile(rb'\s+"?([\w$]+)"? ')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_VALUE = re.compile(r"\s*(E?'[^']*(?:''[^']*)*'|[^,()'\s]+)(?:::[\w\[\] ]+)?\s*([,)])")
_NEXT = re.compile(r"\s*,\s*\(")


class Row(msgspec.Struct, frozen=True):
    """One row. `problem` says why it could not be read; then it has no values."""

    table: str
    line: int
    values: dict[str, str | None] = {}
    problem: str = ""


def rows_of(file: BinaryIO, wanted: Collection[str]) -> Iterator[Row]:
    """Yields the rows of the tables whose names, in lower case, are `wanted`."""
    lines = _Lines(file)
    columns: dict[str, list[str]] = {}
    for line in lines:
        if found := _COPY.match(line):
            yield from _copied(lines, _name(found[1]), _columns(found[2]), wanted)
        elif found := _INSERT.match(line):
            table = _name(found[1])
            names = _columns(found[2]) if found[2] is not None else columns.get(table, [])
            yield from _inserted(lines, line, found.end(), table, names, wanted)
        elif found := _CREATE.match(line):
            columns[_name(found[1])] = _defined(lines)


class _Lines:
    """The lines of a file, numbered. Of a longer one than is allowed only the beginning is there.

    `quotes` and `ending` are of all of the line: how many single quotes it has, and what is at its end.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.number = self.quotes = 0
        self.ending = b""
        self.is_cut = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = part = self._file.readline(LONGEST)
        if not line:
            raise StopIteration
        self.number += 1
        self.quotes, self.ending, self.is_cut = line.count(b"'"), line[-_ENDING:], False
        while not part.endswith(b"\n") and (part := self._file.readline(LONGEST)):
            self.quotes += part.count(b"'")
            self.ending = (self.ending + part)[-_ENDING:]
            self.is_cut = True
        return line


def _copied(lines: _Lines, table: str, columns: list[str], wanted: Collection[str]) -> Iterator[Row]:
    for line in lines:
        text = line.rstrip(b"\r\n")
        if text == b"\\.":
            return
        if table not in wanted:
            continue
        values = text.decode("utf-8", "replace").split("\t")
        if lines.is_cut:
            yield _bad(table, lines, "the row is too long")
        elif len(values) != len(columns):
            yield _bad(table, lines, f"it has {len(values)} values for {len(columns)} columns")
        else:
            yield Row(
                table, lines.number, {name: _uncopied(value) for name, value in zip(columns, values, strict=True)}
            )
    if table in wanted:
        yield _bad(table, lines, _CUT_OFF)


def _uncopied(value: str) -> str | None:
    if value == r"\N":
        return None
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), value) if "\\" in value else value


def _inserted(
    lines: _Lines, first: bytes, begin: int, table: str, columns: list[str], wanted: Collection[str]
) -> Iterator[Row]:
    """The rows of one statement, which may go over many lines: inside a text a line may look like anything."""
    number, parts, size, is_cut = lines.number, [first[begin:]], len(first), lines.is_cut
    quotes = lines.quotes
    while quotes % 2 or not lines.ending.rstrip().endswith(b";"):
        line = next(lines, None)
        if line is None:
            if table in wanted:
                yield _bad(table, lines, _CUT_OFF)
            return
        quotes += lines.quotes
        size, is_cut = size + len(line), is_cut or lines.is_cut
        if table in wanted and size <= LONGEST:
            parts.append(line)
    if table not in wanted:
        return
    if is_cut or size > LONGEST:
        yield Row(
            table, number, problem="the statement is too long: dump with --rows-per-insert=1, or without --inserts"
        )
        return
    yield from _tuples(b"".join(parts).decode("utf-8", "replace"), number, table, columns)


def _tuples(text: str, number: int, table: str, columns: list[str]) -> Iterator[Row]:
    begun = re.match(r"\s*\(", text)
    while begun is not None:
        at = begun.end()
        values: list[str | None] = []
        while (found := _VALUE.match(text, at)) is not None:
            values.append(_literal(found[1]))
            at = found.end()
            if found[2] == ")":
                break
        if found is None or len(values) != len(columns):
            yield Row(table, number, problem="it is not a row of values for the table's columns")
            return
        yield Row(table, number, dict(zip(columns, values, strict=True)))
        begun = _NEXT.match(text, at)


def _literal(text: str) -> str | None:
    if text.endswith("'"):
        value = text[text.index("'") + 1 : -1].replace("''", "'")
        return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), value) if text.startswith("E") else value
    return None if text.upper() == "NULL" else text


def _defined(lines: _Lines) -> list[str]:
    columns = []
    for line in lines:
        if line.startswith(b")"):
            break
        found = _COLUMN.match(line)
        if found and found[1] not in (b"CONSTRAINT", b"PRIMARY"):
            columns.append(found[1].decode())
    return columns


def _name(table: bytes) -> str:
    return table.decode("ascii", "replace").lower()


def _columns(text: bytes) -> list[str]:
    return [name.strip().strip('"') for name in text.decode("utf-8", "replace").split(",")]


def _bad(table: str, lines: _Lines, problem: str) -> Row:
    return Row(table, lines.number, problem=problem)

"""What an import does: rows created, changed and left alone, and notes about the rest. Secrets are never shown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Literal

import msgspec
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Model
from django.utils import timezone

from configuration.file.fields import TEXT_LISTS, concrete, listed, names
from configuration.file.schema import ConfigurationError

Action = Literal["create", "change", "same", "remove"]

_HIDDEN = frozenset({"ciphertext", "last_four", "hash", "previous_hash", "imported_hash"})
_SHOWN_AS = {
    "ciphertext": "secret",
    "secret_headers": "secret headers",
    "bound_to": "may be sent to",
    "is_local": "local",
    "is_default": "default",
    "is_demo": "demo",
}
_NAMES_ONLY = frozenset({"headers", "secret_headers", "options"})
_LONGEST = 100
_SIGNS = {"create": "+", "change": "~", "remove": "-"}
_MOST_NAMES = 20


class Change(msgspec.Struct, frozen=True):
    """What happens to one row. `lines` are (field, before, after); before is empty for a new row."""

    action: Action
    kind: str
    name: str
    lines: tuple[tuple[str, str, str], ...] = ()


class ImportReport:
    """Saves rows and records every change. A row that already has the wanted values is not touched.

    `not_carried_over` and `to_do` are lines for the operator; `untouched` lists the rows that the file does not
    mention, by kind.
    """

    def __init__(self, each: Callable[[], None] = lambda: None) -> None:
        self._each = each
        """Called before each row that is looked at; it ends the import by raising."""
        self.changes: list[Change] = []
        self.not_carried_over: list[str] = []
        self.to_do: list[str] = []
        self.untouched: dict[str, list[str]] = {}
        self.moment = timezone.now()
        """What begins with the import begins at this moment, which the report calls "now": a later run of the same file
        reports the same."""

    def save(self, place: str, row: Model, name: str, values: dict[str, Any], unique: bool = True) -> None:
        """Gives a row, new or not, these values and saves it. Raises ConfigurationError."""
        self._each()
        kind = str(row._meta.verbose_name)
        is_new = row.pk is None
        lines = _new_lines(row, name, values) if is_new else _changed_lines(row, values)
        if not is_new and not lines:
            self.changes.append(Change("same", kind, name))
            return
        for field, value in values.items():
            if is_new or not _same(field, getattr(row, field, None), value):
                setattr(row, field, value)
        try:
            empty = {name for name, value in vars(row).items() if value == []}
            stays = set() if is_new else concrete(row).keys() - {field for field, _, _ in lines}
            # What an earlier version accepted may stay; the whole row is unique all the same.
            row.clean_fields(exclude=empty | stays)
            row.clean()
            if unique:
                row.validate_unique(exclude=empty)
            row.validate_constraints(exclude=empty)
        except ValidationError as error:
            raise ConfigurationError(_first_error(place, row, error)) from error
        row.save()
        shown_lines = tuple(
            (_SHOWN_AS.get(field, field), old, "now" if values[field] is self.moment else new)
            for field, old, new in lines
            if field != "last_four"
        )
        self.changes.append(Change("create" if is_new else "change", kind, name, shown_lines))

    def remove(self, row: Model, name: str) -> None:
        """Deletes a row that the file leaves out of a complete list."""
        self.changes.append(Change("remove", str(row._meta.verbose_name), name))
        row.delete()

    def add_change(self, row: Model, name: str, line: tuple[str, str, str]) -> None:
        """Records a change that was written elsewhere."""
        self.changes.append(Change("change", str(row._meta.verbose_name), name, (line,)))

    def count(self) -> Counter[str]:
        """Number of rows per action."""
        return Counter(change.action for change in self.changes)

    def text(self, *, write: bool) -> str:
        """The report as lines for a terminal; without `write` as a dry run."""
        return "\n".join(self._lines(write))

    def _lines(self, write: bool) -> Iterator[str]:
        for change in self.changes:
            yield from _change_lines(change)
        if self.untouched:
            yield "Not mentioned in the file, left unchanged:"
            for kind, row_names in self.untouched.items():
                yield f"  {kind}: {_joined(row_names)}"
        if self.not_carried_over:
            yield "Could not be carried over:"
            yield from (f"  {line}" for line in self.not_carried_over)
        if self.to_do:
            yield "To do:"
            yield from (f"  {line}" for line in self.to_do)
        yield self._summary(write)
        if not write:
            yield "Nothing was written. Run it again with --write to apply these changes."

    def _summary(self, write: bool) -> str:
        count = self.count()
        words = ("created", "changed", "removed") if write else ("to create", "to change", "to remove")
        done = (f"{count[action]} {word}" for action, word in zip(("create", "change", "remove"), words, strict=True))
        left = sum(map(len, self.untouched.values()))
        return f"{', '.join(done)}, {count['same']} already up to date, {left} not in the file."


def _new_lines(row: Model, name: str, values: dict[str, Any]) -> list[tuple[str, str, str]]:
    fields = concrete(row)
    return [
        (field, "", shown(field, value))
        for field, value in values.items()
        if value not in (fields[field].get_default(), name) and field not in ("name", "bound_to")
    ]


def _changed_lines(row: Model, values: dict[str, Any]) -> list[tuple[str, str, str]]:
    before = {field: getattr(row, field, None) for field in values}
    return [
        (field, shown(field, before[field]), shown(field, value))
        for field, value in values.items()
        if not _same(field, before[field], value)
    ]


def _change_lines(change: Change) -> Iterator[str]:
    if change.action == "same":
        return
    yield f"{_SIGNS[change.action]} {change.kind} {change.name}"
    for field, before, after in change.lines:
        yield f"    {field}: {before} → {after}" if before else f"    {field}: {after}"


def _joined(row_names: list[str]) -> str:
    text = ", ".join(row_names[:_MOST_NAMES])
    return text if len(row_names) <= _MOST_NAMES else f"{text} and {len(row_names) - _MOST_NAMES} more"


def shown(field: str, value: Any) -> str:
    """A value in one short line, without anything secret."""
    if field in _HIDDEN:
        return "(not shown)" if value else "none"
    if field == "transforms":
        return ", ".join(str(entry.get("name")) for entry in value if isinstance(entry, dict)) or "none"
    if field in _NAMES_ONLY and isinstance(value, dict):
        return ", ".join(value) or "none"
    if value is None or value in ("", [], {}):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = _one_line(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _one_line(value: Any) -> str:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.isoformat() if isinstance(value, datetime) else " ".join(str(value).split())


def _same(field: str, before: Any, value: Any) -> bool:
    if field in TEXT_LISTS:
        return listed(field, before) == listed(field, value)
    return bool(before == value)


def _first_error(place: str, row: Model, error: ValidationError) -> str:
    """The first field that is wrong, with its place in the file."""
    if not hasattr(error, "error_dict"):
        return f"{place}: {' '.join(error.messages)}"
    field, messages = next(iter(error.message_dict.items()))
    where = place if field == NON_FIELD_ERRORS else f"{place}.{names(row).get(field, field)}"
    return f"{where}: {' '.join(messages)}"

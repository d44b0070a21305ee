"""What an import does: rows made, changed and left, and what is to be said about it. Secrets are never shown."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any, Literal

import msgspec
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Model

from configuration.file.fields import TEXT_LISTS, concrete, listed, names

Verb = Literal["create", "change", "same", "remove"]

_HIDDEN = frozenset({"ciphertext", "last_four", "hash"})
_TOLD_AS = {"ciphertext": "secret", "is_local": "local", "is_default": "default", "is_demo": "demo"}
_NAMES_ONLY = frozenset({"headers", "options"})
_LONGEST = 100


class ConfigurationError(Exception):
    """A file that cannot be imported; the text names the place and says what to write."""


class Change(msgspec.Struct, frozen=True):
    """What happens to one row. `lines` are (field, before, after); before is empty for a row that is made."""

    verb: Verb
    kind: str
    name: str
    lines: tuple[tuple[str, str, str], ...] = ()


class Ledger:
    """Writes rows and keeps account. A row that is as it should be is not touched.

    `lost` is what could not be carried over, `todo` what somebody has to do afterwards, `left` the rows that the file
    does not speak of, by kind.
    """

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.lost: list[str] = []
        self.todo: list[str] = []
        self.left: dict[str, list[str]] = {}

    def put(self, place: str, row: Model, name: str, wanted: dict[str, Any], unique: bool = True) -> Verb:
        """Bring a row, new or not, to the wanted values and save it. Raises ConfigurationError."""
        kind = str(row._meta.verbose_name)
        is_new = row.pk is None
        lines = []
        for field, value in wanted.items():
            before = getattr(row, field, None)
            if is_new:
                if value not in (concrete(row)[field].get_default(), name) and field != "name":
                    lines.append((field, "", shown(field, value)))
            elif _same(field, before, value):
                continue
            else:
                lines.append((field, shown(field, before), shown(field, value)))
            setattr(row, field, value)
        if not is_new and not lines:
            self.changes.append(Change("same", kind, name))
            return "same"
        try:
            # An empty list is a value: conditions that always hold.
            row.full_clean(exclude=[name for name, value in vars(row).items() if value == []], validate_unique=unique)
        except ValidationError as error:
            raise ConfigurationError(_told(place, row, error)) from error
        row.save()
        verb: Verb = "create" if is_new else "change"
        told = tuple((_TOLD_AS.get(field, field), old, new) for field, old, new in lines if field != "last_four")
        self.changes.append(Change(verb, kind, name, told))
        return verb

    def remove(self, row: Model, name: str) -> None:
        """Delete a row that the file says is not there."""
        self.changes.append(Change("remove", str(row._meta.verbose_name), name))
        row.delete()

    def note_change(self, row: Model, name: str, line: tuple[str, str, str]) -> None:
        """Account for a change that was written elsewhere."""
        self.changes.append(Change("change", str(row._meta.verbose_name), name, (line,)))

    def count(self) -> Counter[str]:
        """How many rows each verb befell."""
        return Counter(change.verb for change in self.changes)


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
    if isinstance(value, list | dict):
        text = json.dumps(value, ensure_ascii=False, default=str)
    elif isinstance(value, datetime):
        text = value.isoformat()
    else:
        text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _same(field: str, before: Any, value: Any) -> bool:
    if field in TEXT_LISTS:
        return listed(field, before) == listed(field, value)
    return bool(before == value)


def _told(place: str, row: Model, error: ValidationError) -> str:
    """The first thing that is wrong, where it is wrong."""
    if not hasattr(error, "error_dict"):
        return f"{place}: {' '.join(error.messages)}"
    field, messages = next(iter(error.message_dict.items()))
    where = place if field == NON_FIELD_ERRORS else f"{place}.{names(row).get(field, field)}"
    return f"{where}: {' '.join(messages)}"

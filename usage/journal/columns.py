"""What SQLite gets of a record's values, as code: a function is made of it once for all rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from django.db import models

from usage.journal import texts


def converters(model: type[models.Model]) -> dict[str, Callable[[Any], Any]]:
    """Returns the functions that the code of `converted` calls, by their names."""
    fields: Any = model._meta.concrete_fields
    cutters = {f"cut_{field.max_length}": texts.cutter(field.max_length) for field in fields if _is_text(field)}
    return {"moment": texts.sqlite_moment, "encoded": msgspec.json.Encoder().encode, **cutters}


def _is_text(field: Any) -> bool:
    return isinstance(field, models.CharField)


def converted(field: Any, value: str) -> str:
    """Returns what is bound for a field, as code, of code for what a record has."""
    # Django's fields convert, too, but that would cost more than the insert. The driver takes numbers as they are, and
    # money is in pico-dollars already.
    if isinstance(field, models.UUIDField):
        # What `hex` returns, in half the time.
        digits = f'{value}.int.to_bytes(16, "big").hex()'
        return f"None if {value} is None else {digits}" if field.null else digits
    if isinstance(field, models.DateTimeField):
        return f"moment({value})"
    if isinstance(field, models.JSONField):
        return f"None if {value} is None else encoded({value}).decode()"
    if _is_text(field):
        fits = f'len(text) <= {field.max_length} and "\\0" not in text'
        return f"text if not (text := {value}) or ({fits}) else cut_{field.max_length}(text)"
    return value


def literal(default: str | int | bool) -> str:
    """Returns a record's default as SQL."""
    return str(default) if isinstance(default, int) else f"'{default}'"

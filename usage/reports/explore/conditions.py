"""Conditions on the rows of an answer: which values a column may have, and which values several have together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat
from django.db.models.lookups import In

from usage.reports.spans import Rows


def among(column: str, values: Iterable[str | int | None]) -> Q:
    """Returns the condition that a column has one of these values; None stands for rows without one."""
    values = set(values)
    known = Q(**{f"{column}__in": values - {None}})
    return known | Q(**{f"{column}__isnull": True}) if None in values else known


def of_keys(rows: Rows, columns: Sequence[str], keys: Iterable[tuple[Any, ...]]) -> Rows:
    """Returns the rows whose columns, written as one text, are those of a key: a database looks a text up in a set,
    where conditions on several columns would compare each row with each key. Others may have the same text, so whoever
    reads them compares the columns, too."""
    parts = (Coalesce(Cast(column, TextField()), Value("", TextField())) for column in columns)
    texts = ["".join(map(_text, key)) for key in keys]
    of_one = In(Concat(*parts, output_field=TextField()), texts)
    return rows.each(lambda part: part.filter(of_one))


def _text(value: UUID | str | int | None) -> str:
    """Returns the text of a stored value, "" for none."""
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return "" if value is None else str(value)

"""What an earlier version left (a database, journals) and what it read of them. README.md says how that was made."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.management import call_command

from tests.harness.database import KIND

FILES = Path(__file__).parent / "files"
ENCRYPTION_KEY = "ZWFybGllciBmaXh0dXJlcywgbm90IGEgc2VjcmV0ISE="
TIME_ZONE = "Europe/Berlin"
VARIABLES = {"EARLIER_FIXTURE_CREDENTIAL": "from the environment"}


@cache
def expected() -> dict[str, Any]:
    """What the earlier version read, on the database that is tested."""
    found: dict[str, Any] = _of_this_database(json.loads((FILES / "expected.json").read_text()))
    return found


def rows(label: str, like: list[dict[str, Any]], by: str = "pk") -> list[dict[str, Any]]:
    """The rows of a model that agree with those of `like` in one field, with the fields that those have."""
    model = apps.get_model(label)
    known = model._meta.pk.attname if by == "pk" else by
    found = model._default_manager.filter(**{f"{by}__in": [row[known] for row in like]}).order_by("pk")
    return [{name: _shown(getattr(row, name)) for name in like[0]} for row in found]


def count(label: str) -> int:
    """How many rows a model has, of the kinds that the earlier version wrote."""
    rows = apps.get_model(label)._default_manager.all()
    return int((rows.filter(keyless=False) if label == "usage.DailyRollup" else rows).count())


def command(*words: str) -> str:
    """What a management command prints. Raises CommandError."""
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def without(rows: Iterable[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    """The rows without some of their fields."""
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


def _shown(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value) if isinstance(value, UUID) else value


def _of_this_database(value: Any) -> Any:
    if isinstance(value, list):
        return [_of_this_database(part) for part in value]
    if isinstance(value, dict):
        if value.keys() == {"sqlite", "postgresql"}:
            return value[KIND]
        return {name: _of_this_database(part) for name, part in value.items()}
    return value

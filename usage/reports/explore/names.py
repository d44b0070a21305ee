"""What lines are called: the names of today, the last ones of what is deleted, and words for what has none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import F, Max, Model, TextField
from django.db.models.functions import Cast

from access.models import ClientKey, Team
from access.tags import CLAIMED, NO_TAGS, OTHERS
from usage.models import Outcome
from usage.reports import daily, spans
from usage.reports.explore.question import GROUPS, DaysOf, Question
from usage.reports.spans import Rows

_TODAY: dict[str, tuple[type[Model], str]] = {
    "team": (Team, "name"), "owner": (User, "username"), "key": (ClientKey, "name"),
}  # fmt: skip
_NONE = {
    "team": "(no team)", "owner": "(no owner)", "key": "(no key)", "route": "(no route)", "model": "(no model)",
    "provider": "(no provider)", "credential": "(no credential)", "client": "(unknown client)",
    "version": "(unknown version)",
}  # fmt: skip
_TABLES: dict[DaysOf, daily.Daily] = {
    "tags": daily.TAGS, "clients": daily.CLIENTS, "credentials": daily.ATTEMPTS,
}  # fmt: skip
TAGS_TEXT = "tags_text"
"""The annotation of rows by tags with the tags as JSON."""


def day_rows(days_of: DaysOf, since: datetime, until: datetime) -> Rows:
    """Returns the rollups by tags, clients or credentials of all days that have a part in a range: days of TIME_ZONE,
    or of UTC for attempts, which are counted as `requests`."""
    rows = daily.rollups(_TABLES[days_of], since, until)
    if days_of == "tags":
        # All rows of an id have the same tags, and a database finds no largest JSON.
        rows = rows.annotate(**{TAGS_TEXT: Cast(F("tags"), TextField())})
    if days_of == "credentials":
        return Rows((rows.annotate(requests=F("attempts")),), frozenset({"provider_name", "model_name", "outcome"}))
    return Rows((rows,), frozenset({"team_id", "outcome"}))


def of_lines(question: Question, keys: Sequence[tuple[Any, ...]]) -> dict[tuple[Any, ...], tuple[str, ...]]:
    """Returns the names of lines by their keys."""
    each = [of_values(question, name, [key[at] for key in keys]) for at, name in enumerate(question.by)]
    return {key: tuple(names[value] for names, value in zip(each, key, strict=True)) for key in keys}


def of_values(question: Question, group: str, values: Iterable[Any]) -> dict[Any, str]:
    """Returns the names of values of a group: those of today, else the last ones in the range of the question."""
    values = set(values)
    today: dict[Any, str] = {}
    if group in _TODAY:
        model, field = _TODAY[group]
        ids = [value for value in values if value is not None]
        today = dict(model._default_manager.filter(pk__in=ids).values_list("pk", field)) if ids else {}
    gone = [value for value in values if value is not None and value not in today]
    labels = _last_labels(question, group, gone) if gone and GROUPS[group].label else {}
    return {value: _name(group, value, today.get(value) or labels.get(value)) for value in values}


def _last_labels(question: Question, group: str, values: list[Any]) -> dict[Any, Any]:
    column, days_of = GROUPS[group].column, GROUPS[group].days_of
    label = TAGS_TEXT if group == "tags" else GROUPS[group].label
    rows = day_rows(days_of, *question.counted) if days_of else spans.rows(*question.counted, [column, label])
    found = rows.filter(**{f"{column}__in": values}).groups(column, label, last=Max("starts_at"))
    return {row[column]: row[label] for row in sorted(found, key=lambda row: (row["last"], row[label] or ""))}


def _name(group: str, value: Any, label: Any) -> str:
    if group == "tags":
        return _tags(value, label)
    if group == "outcome":
        return str(Outcome(value).label).capitalize() if value in Outcome.values else str(value)
    if value in (None, ""):
        return _NONE[group]
    return str(label or value)


def _tags(value: Any, text: str | None) -> str:
    if value is None:
        return "(unknown)"
    if value == NO_TAGS:
        return "(no tags)"
    tags = json.loads(text or "[]") or []
    shown = [
        f"{tag.removeprefix(CLAIMED)} (claimed)" if tag.startswith(CLAIMED) else tag for tag in tags if tag != OTHERS
    ]
    return ", ".join([*shown, *(["(all other claims)"] if OTHERS in tags else [])])

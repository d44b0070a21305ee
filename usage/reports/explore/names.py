"""What lines are called: the names of today, the last ones of what is deleted, and words for what has none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import F, Model, TextField
from django.db.models.functions import Cast

from access.models import ClientKey, Team
from access.tags import CLAIMED, NO_TAGS, OTHERS
from usage.models import Outcome
from usage.reports.explore.question import GROUPS
from usage.reports.spans import Rows
from usage.rollups.accumulate import local_day, midnight
from usage.rollups.models import DailyRollup, TagRollup

_TODAY: dict[str, tuple[type[Model], str]] = {
    "team": (Team, "name"), "owner": (User, "username"), "key": (ClientKey, "name"),
}  # fmt: skip
_NONE = {
    "team": "(no team)", "owner": "(no owner)", "key": "(no key)", "route": "(no route)", "model": "(no model)",
    "provider": "(no provider)",
}  # fmt: skip
_TAGS_TEXT = "tags_text"


def label_of(group: str) -> str:
    """Returns the column that a group's names are read from, "" where they are its values."""
    return _TAGS_TEXT if group == "tags" else GROUPS[group].label


def tag_rows(since: datetime, until: datetime) -> Rows:
    """Returns the rollups by tags of all days of TIME_ZONE that have a part in a range."""
    first, last = (local_day(int(moment.timestamp())) for moment in (since, until))
    end = midnight(last) if midnight(last) >= until else until
    rows = TagRollup.objects.filter(starts_at__gte=midnight(first), starts_at__lt=end).order_by()
    # All rows of an id have the same tags, and a database finds no largest JSON.
    return Rows((rows.annotate(**{_TAGS_TEXT: Cast(F("tags"), TextField())}),), frozenset({"team_id", "outcome"}))


def resolved(by: tuple[str, ...], labels: Mapping[tuple[Any, ...], tuple[Any, ...]]) -> dict[Any, tuple[str, ...]]:
    """Returns the names of lines by their keys. `labels` are those that their rows had."""
    today = [_names_of_today(name, [key[at] for key in labels]) for at, name in enumerate(by)]
    return {
        key: tuple(
            _name(name, key[at], of_rows[at] if at < len(of_rows) else None, today[at]) for at, name in enumerate(by)
        )
        for key, of_rows in labels.items()
    }


def last_label(group: str, value: Any) -> tuple[Any, ...]:
    """Returns the name that the newest rollup of a value has; () where its value is its name."""
    if value is None or not (column := GROUPS[group].label):
        return ()
    model: Any = TagRollup if group == "tags" else DailyRollup
    rows = model.objects.filter(**{GROUPS[group].column: value}).order_by("-starts_at")
    found = rows.values_list(column, flat=True).first()
    return (json.dumps(found) if group == "tags" else found,)


def _names_of_today(group: str, ids: list[Any]) -> dict[Any, str]:
    if group not in _TODAY:
        return {}
    model, field = _TODAY[group]
    wanted = [identity for identity in ids if identity is not None]
    return dict(model._default_manager.filter(pk__in=wanted).values_list("pk", field)) if wanted else {}


def _name(group: str, value: Any, label: Any, today: dict[Any, str]) -> str:
    if group == "tags":
        return _tags(value, label)
    if group == "outcome":
        return str(Outcome(value).label).capitalize() if value in Outcome.values else str(value)
    if value in (None, ""):
        return _NONE[group]
    return str(today.get(value) or label or value)


def _tags(value: Any, text: str | None) -> str:
    if value is None:
        return "(unknown)"
    if value == NO_TAGS:
        return "(no tags)"
    tags = json.loads(text or "[]")
    shown = [
        f"{tag.removeprefix(CLAIMED)} (claimed)" if tag.startswith(CLAIMED) else tag for tag in tags if tag != OTHERS
    ]
    return ", ".join([*shown, *(["(all other claims)"] if OTHERS in tags else [])])

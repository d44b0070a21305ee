"""Entries as pages show them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.apps import apps
from django.urls import reverse

from access.audit import chain
from access.audit.watched import WATCHED
from access.models import AuditEntry

_LONGEST = 300


class Change(msgspec.Struct, frozen=True):
    """One field before and after, or what an event knows (`before` is None)."""

    field: str
    before: str | None
    after: str


def kinds() -> dict[str, str]:
    """Returns the kinds of objects: label -> name."""
    models = [apps.get_model(label) for label, watch in WATCHED.items() if watch.link is None]
    return {model._meta.label_lower: str(model._meta.verbose_name) for model in models}


def kind_of(entry: AuditEntry) -> str:
    """Returns what kind of object an entry is about."""
    return kinds().get(entry.object_type, entry.object_type)


def of_object(model: Any, pk: Any) -> Any:
    """Returns the entries about one object, the newest first."""
    return AuditEntry.objects.filter(object_type=model._meta.label_lower, object_id=str(pk)).order_by("-number")


def list_url(object_type: str, object_id: Any) -> str:
    """Returns the address of the list of the entries about one object."""
    query = urlencode({"kind": object_type, "object_id__exact": object_id})
    return f"{reverse('admin:access_auditentry_changelist')}?{query}"


def changes_of(entry: AuditEntry) -> list[Change]:
    """Returns what an entry says that changed."""
    found = chain.noted(entry.changes)
    rows = found.pop("rows", None)
    changes = [change for field, value in found.items() for change in _changes(field, value)]
    if entry.action == "created":
        changes = [msgspec.structs.replace(change, before=None) for change in changes]
    for row in rows if isinstance(rows, list) else ():
        pk, name, inner = row if isinstance(row, list) and len(row) == 3 else ("", "", None)
        changed = inner.items() if isinstance(inner, dict) else ()
        fields = "; ".join(_line(change) for field, value in changed for change in _changes(field, value))
        changes.append(Change(f"{name} ({pk})", None, fields))
    return changes


def _changes(field: str, value: Any) -> list[Change]:
    field = field.replace("_", " ")
    if isinstance(value, list) and len(value) == 2:
        return [Change(field, _text(value[0]), _text(value[1]))]
    if isinstance(value, dict) and value and set(value) <= {"added", "removed"}:
        return [Change(f"{field} {kind}", None, ", ".join(map(str, names))) for kind, names in value.items()]
    return [Change(field, None, _text(value))]


def _line(change: Change) -> str:
    if change.before is None:
        return f"{change.field}: {change.after}"
    return f"{change.field}: {change.before} → {change.after}"


def _text(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"

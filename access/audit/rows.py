"""What rows said before and after a write, and the entries that this makes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db.models import Field, ForeignKey, Model

from access.audit.watched import Watch, fields_of, watch_of
from access.audit.writer import Draft, batch_of

MOST_ENTRIES = 200
"""Of one statement that writes to more rows, one entry lists them all."""
_LONGEST = 10_000
_ENCRYPTED = re.compile(r"gAAAAA[\w-]{40,}={0,2}")
"""What Fernet makes."""
_CHUNK = 500

Row = dict[str, Any]
"""Column -> value of one row, its primary key as `pk`."""
Rows = dict[Any, Row]
Changes = dict[str, Any]


def read(model: type[Model], pks: Iterable[Any] | None, using: str) -> Rows:
    """Returns the rows of these primary keys, or all, by primary key."""
    names = [field.attname for field in model._meta.concrete_fields]
    table = model._base_manager.using(using).values("pk", *names)
    if pks is None:
        return {row["pk"]: row for row in table}
    found: Rows = {}
    remaining = iter(pks)
    while chunk := list(islice(remaining, _CHUNK)):
        found |= {row["pk"]: row for row in table.filter(pk__in=chunk)}
    return found


def drafts(model: type[Model], before: Rows, after: Rows, using: str, verb: str = "") -> list[Draft]:
    """Returns the entries for rows that were created, changed or deleted."""
    watch = watch_of(model)
    if watch is None:
        return []
    pks = [pk for pk in {**before, **after} if before.get(pk) != after.get(pk)]
    names = _Names(using)
    if watch.link is not None:
        return _links(model, watch, [(before.get(pk), after.get(pk)) for pk in pks], names)
    fields = fields_of(model, watch)
    found = []
    for pk in pks:
        changes = _changes(watch, fields, before.get(pk), after.get(pk))
        if changes or pk not in before or pk not in after:
            found.append((pk, changes))
    shown = [before[pk] if pk not in after else after[pk] for pk, _ in found]
    names.prepare(model, watch, shown)
    names.prepare_changes(fields, [changes for _, changes in found])
    entries = [
        Draft(
            verb or _action(watch, before.get(pk), after.get(pk), changes),
            model._meta.label_lower,
            str(pk),
            names.title(model, watch, row),
            {field.name: names.pair(field, changes[field.name]) for field in fields if field.name in changes},
        )
        for (pk, changes), row in zip(found, shown, strict=True)
    ]
    return entries if len(entries) <= MOST_ENTRIES else _together(entries)


def _changes(watch: Watch, fields: Sequence[Field[Any, Any]], old: Row | None, new: Row | None) -> Changes:
    """Field -> [before, after]; of created and deleted rows the fields that are not empty."""
    changes: Changes = {}
    for field in fields:
        was = None if old is None else old[field.attname]
        now = None if new is None else new[field.attname]
        if was == now or (_empty(was) and _empty(now) and (old is None or new is None)):
            continue
        changes[field.name] = _masked(was, now) if field.name in watch.masked else [was, now]
    return changes


def _empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _masked(was: Any, now: Any) -> list[Any]:
    return ["set" if not _empty(was) else None, None if _empty(now) else "set" if _empty(was) else "changed"]


def _action(watch: Watch, old: Row | None, new: Row | None, changes: Changes) -> str:
    if old is None or new is None:
        return "created" if old is None else "deleted"
    for name, (gained, lost) in watch.verbs.items():
        if name in changes:
            return lost if _empty(changes[name][1]) else gained
    return "changed"


def _links(model: type[Model], watch: Watch, pairs: list[tuple[Row | None, Row | None]], names: _Names) -> list[Draft]:
    """One entry for each object that others were added to or removed from."""
    owner_name, called = watch.link or ("", "")
    owner, other = (_field(model, name) for name in (owner_name, watch.title[1]))
    by_owner: dict[Any, dict[str, list[Any]]] = {}
    for old, new in pairs:
        for kind, row in (("removed", old), ("added", new)):
            if row is not None:
                by_owner.setdefault(row[owner.attname], {}).setdefault(kind, []).append(row[other.attname])
    names.load(owner.related_model, by_owner)
    names.load(other.related_model, {pk for lists in by_owner.values() for pks in lists.values() for pk in pks})
    return [
        Draft(
            "changed",
            owner.related_model._meta.label_lower,
            str(pk),
            names.of(owner.related_model, pk),
            {
                called: {
                    kind: sorted(names.of(other.related_model, one) for one in ones) for kind, ones in lists.items()
                }
            },
        )
        for pk, lists in by_owner.items()
    ]


def _field(model: type[Model], name: str) -> Any:
    return model._meta.get_field(name)


def _together(entries: list[Draft]) -> list[Draft]:
    """One entry for each action, with all rows in it."""
    actions: dict[str, list[Draft]] = {}
    for entry in entries:
        actions.setdefault(entry.action, []).append(entry)
    return [
        Draft(
            action,
            some[0].object_type,
            "",
            f"{len(some):,} rows",
            {"rows": [[one.object_id, one.object_name, one.changes] for one in some]},
        )
        for action, some in actions.items()
    ]


class _Names:
    """Names of rows that others refer to, with one query a model and not one a row."""

    def __init__(self, using: str) -> None:
        self._using = using
        under_way = batch_of(using)
        self._known: dict[tuple[type[Model], Any], str] = {} if under_way is None else under_way.names

    def of(self, model: type[Model], pk: Any) -> str:
        """The name of a row that was loaded."""
        return self._known.get((model, pk), f"no. {pk}")

    def load(self, model: type[Model], pks: Iterable[Any]) -> None:
        """Finds the names of these rows."""
        missing = {pk for pk in pks if pk is not None and (model, pk) not in self._known}
        if not missing:
            return
        watch = watch_of(model)
        if watch is None:
            others = model._base_manager.using(self._using).filter(pk__in=missing)
            self._known |= {(model, other.pk): str(other) for other in others}
            return
        rows = read(model, missing, self._using)
        self.prepare(model, watch, rows.values())
        self._known |= {(model, pk): self.title(model, watch, row) for pk, row in rows.items()}

    def prepare(self, model: type[Model], watch: Watch, rows: Iterable[Row]) -> None:
        """Finds the names that the titles of these rows have in them."""
        rows = list(rows)
        for name in watch.title:
            field = model._meta.get_field(name)
            if isinstance(field, ForeignKey):
                self.load(field.related_model, {row[field.attname] for row in rows})

    def prepare_changes(self, fields: Sequence[Field[Any, Any]], changes: list[Changes]) -> None:
        """Finds the names of what rows refer to, before and after."""
        for field in fields:
            if isinstance(field, ForeignKey):
                pairs = [one[field.name] for one in changes if field.name in one]
                self.load(field.related_model, {pk for pair in pairs for pk in pair})

    def title(self, model: type[Model], watch: Watch, row: Row) -> str:
        """What a row is called: its title's fields, those that are empty left out."""
        return ": ".join(self._parts(model, watch, row)) or f"no. {row['pk']}"

    def _parts(self, model: type[Model], watch: Watch, row: Row) -> Iterator[str]:
        for name in watch.title:
            field = _field(model, name)
            value = row[field.attname]
            if not _empty(value):
                yield str(self.pair(field, [value, None])[0])

    def pair(self, field: Any, pair: list[Any]) -> list[Any]:
        """A value before and after, as they are written."""
        if isinstance(field, ForeignKey):
            return [None if pk is None else self.of(field.related_model, pk) for pk in pair]
        return [_short(value) for value in pair]


def _short(value: Any) -> Any:
    """A value as it is written: not at any length, and without what is encrypted, which no rotation would reach."""
    if isinstance(value, str):
        text = _ENCRYPTED.sub("(encrypted)", value)
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    return [_short(item) for item in value] if isinstance(value, list) else value

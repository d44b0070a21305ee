"""Replaces a person's name in rows, rollups, sessions and rows set aside, and deletes the file that they chose last.

Counts and sums stay as they are.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q

from access.audit.erased_person import ErasedPerson, Names
from usage.invoices.models import InvoiceDraft
from usage.models import RequestLog, SetAside
from usage.rollups import accumulate, upsert
from usage.rollups.compare import lock, stored
from usage.rollups.measures import DIMENSIONS
from usage.rollups.models import DailyRollup, MonthRollup, SessionSummary, UsageRollup

_OWNER, _NAME, _KEY, _KEY_NAME = map(DIMENSIONS.index, ("owner_id", "owner_name", "key_id", "key_name"))


def names_and_keys_of(owner_id: int) -> tuple[set[str], set[int]]:
    """Returns what an owner is called in rows, and the client keys that they used."""
    names, keys = set(), set()
    for model in (RequestLog, SessionSummary, UsageRollup, DailyRollup):
        found: Any = model._default_manager.filter(owner_id=owner_id).order_by()
        for name, key_id in found.values_list("owner_name", "key_id").distinct():
            names.add(name)
            keys.add(key_id)
    for row in SetAside.objects.all():
        request = row.payload.get("request", {})
        if request.get("owner_id") == owner_id:
            names.add(request.get("owner_name"))
            keys.add(request.get("key_id"))
    return names - {None}, keys - {None}


def replace_owner(person: ErasedPerson) -> int:
    """Replaces an owner's name, the names of their keys, and end users of their names; returns how many rows had the
    name of the owner or of a key.

    Both are dimensions of the rollups, so cells move to other ids; those that differ in nothing else by then become
    one. One transaction, which writers of usage rows wait for.
    """
    with transaction.atomic():
        # The table that writers lock first.
        lock(UsageRollup)
        _rename_end_users(person)
        number = _rename(RequestLog, person)
        _rename(SessionSummary, person)
        # A month that is being built has their name, too, and is not written once it is marked.
        days = _theirs(DailyRollup, person).values_list("starts_at", flat=True).distinct()
        marked = accumulate.months_of(day.timestamp() for day in days)
        for model in (UsageRollup, DailyRollup):
            _move(model, person)
        _rename_set_aside(person)
        InvoiceDraft.objects.filter(user_id=person.id).delete()
        _theirs(MonthRollup, person).delete()
        upsert.mark(marked)
    return number


def _theirs(model: Any, person: ErasedPerson) -> Any:
    return model._default_manager.filter(Q(owner_id=person.id) | Q(key_id__in=person.keys)).order_by()


def _names(person: ErasedPerson, owner_id: int | None, owner_name: str, key_id: int | None, key_name: str) -> Any:
    """Returns what a row has as the names of its owner and its key."""
    named = person.replacement if owner_id == person.id else owner_name
    return named, person.renamed_key(owner_id, key_id, key_name)


def _rename_end_users(person: ErasedPerson) -> None:
    found = RequestLog.objects.filter(person.mentioned_in("end_user")).order_by()
    for end_user in list(found.values_list("end_user", flat=True).distinct()):
        replaced = person.replaced_as_user(end_user)[:80]
        if replaced != end_user:
            found.filter(end_user=end_user).update(end_user=replaced)


def _rename(model: Any, person: ErasedPerson) -> int:
    columns = ("owner_id", "owner_name", "key_id", "key_name")
    number = 0
    for values in list(_theirs(model, person).values_list(*columns).distinct()):
        row = dict(zip(columns, values, strict=True))
        owner_name, key_name = _names(person, **row)
        if (owner_name, key_name) != (row["owner_name"], row["key_name"]):
            number += model._default_manager.filter(**row).update(owner_name=owner_name, key_name=key_name)
    return number


def _move(model: Any, person: ErasedPerson) -> None:
    theirs = _theirs(model, person)
    moved: accumulate.Cells = {}
    for key, cell in stored(model, theirs).items():
        dimensions = list(key.dimensions)
        dimensions[_NAME], dimensions[_KEY_NAME] = _names(
            person, *(dimensions[column] for column in (_OWNER, _NAME, _KEY, _KEY_NAME))
        )
        accumulate.add_cell(moved, key._replace(dimensions=tuple(dimensions)), cell)
    theirs.delete()
    upsert.write(model, moved)


def _rename_set_aside(person: ErasedPerson) -> None:
    """Replaces also in the database's error, which may quote the row."""
    columns = ("owner_id", "owner_name", "key_id", "key_name")
    for row in SetAside.objects.all():
        request = row.payload.get("request", {})
        owner_name, key_name = _names(person, *map(request.get, columns))
        replaced = {"owner_name": owner_name, "key_name": key_name}
        if request.get("end_user"):
            replaced["end_user"] = person.replaced_as_user(request["end_user"])
        changed = {column: value for column, value in replaced.items() if value != request.get(column)}
        cause = person.replaced(row.cause)
        for column, value in changed.items():
            cause = Names([request.get(column) or ""], value).replaced(cause)
        if changed or cause != row.cause:
            payload = {**row.payload, "request": {**request, **changed}}
            SetAside.objects.filter(pk=row.pk).update(payload=payload, cause=cause)

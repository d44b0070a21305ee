"""Replaces a person's name, e-mail and addresses in entries. The chain stays whole: see `access.audit.chain`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import transaction
from django.db.models import Q

from access.audit import chain, gate, writer
from access.audit.erased_person import ErasedPerson, Names
from access.models import AuditEntry

_BINDING = ("access.ratelimit", "access.budget", "access.increaserequest")
"""Kinds of objects that bind a person or a client key, and whose titles and changes name them."""
_OF_PEOPLE = (
    *("auth.user", "access.membership", "access.siterole", "access.invitation", "access.clientkey", ""),
    "access.reporttoken",
    *_BINDING,
)
"""Kinds of objects, besides events, whose names and changes hold names of people."""
_FIELDS = (
    "owner",
    "disabled_by",
    "created_by",
    "user",
    "invited_by",
    "accepted_by",
    "username",
    "email",
    "first_name",
    "last_name",
    *("contact", "notes", "reason", "cost_centre", "tags", "url"),
)
"""Fields of all kinds that refer to people, or may name them in what somebody wrote."""
_OF_USER = ("username", "email", "first_name", "last_name")
_KEY = "access.clientkey"


def erase(person: ErasedPerson, using: str = "default") -> int:
    """Replaces the person's names, of today and of before; returns how many entries changed.

    Their salts go with the names, so that nobody can try names against the digests. The entry of the erasure holds one
    digest of what it leaves, by which a check sees later changes.
    """
    with transaction.atomic(using=using):
        writer.lock(using)
        entries = AuditEntry.objects.using(using)
        keys = _key_names(entries, person)
        candidates = entries.filter(_mentioned(person)).order_by("number").iterator(2000)
        changed = [entry for entry in candidates if _replace(entry, person, keys)]
        absorbed = {entry.erased_by for entry in changed if entry.erased_by is not None}
        others = entries.filter(erased_by__in=absorbed).exclude(pk__in=[entry.pk for entry in changed])
        covered = sorted([*changed, *others], key=lambda entry: entry.number)
        # Written before the entries change, so its own number is known from the head.
        number = writer.lock(using).number + 1
        erasures = {str(one): chain.statement([]) for one in absorbed} | {str(number): chain.statement(covered)}
        draft = writer.Draft(chain.ERASED, "auth.user", str(person.id), person.replacement, {"erasures": erasures})
        with gate.opened(draft, using) as written:
            for entry in covered:
                entry.salt, entry.erased_by = "", written
            entries.bulk_update(covered, [*chain.PERSONAL, "salt", "erased_by"], batch_size=200)
    return len(changed)


def names_of(person_id: int) -> set[str]:
    """Returns what the person was called in entries about and by them: a name or an e-mail that changed since."""
    entries = AuditEntry.objects.all()
    found = set(entries.filter(person_id=person_id).order_by().values_list("person_name", flat=True).distinct())
    about = entries.filter(object_type="auth.user", object_id=str(person_id))
    for text in about.exclude(changes="").order_by().values_list("changes", flat=True):
        changes = json.loads(text)
        found |= _texts(changes.get("username")) | _texts(changes.get("email"))
    return found


def keys_of(names: Iterable[str]) -> set[int]:
    """Returns the client keys that entries say were somebody's of these names."""
    owners = set(names)
    pairs = ((pk, changes.get("owner")) for pk, changes in _of_keys(AuditEntry.objects.all()))
    return {pk for pk, pair in pairs if not owners.isdisjoint(_texts(pair))}


def names_of_keys(person: ErasedPerson) -> list[Names]:
    """Returns what each client key of theirs was called."""
    return list(_key_names(AuditEntry.objects.all(), person).values())


def _key_names(entries: Any, person: ErasedPerson) -> dict[str, Names]:
    """What each client key of theirs was called, to be replaced in entries about it."""
    known: dict[int, set[str]] = {pk: set() for pk in person.theirs}
    for pk, changes in _of_keys(entries):
        if pk in known:
            known[pk] |= _texts(changes.get("name"))
    return {str(pk): Names(names, person.name_of_key(pk)) for pk, names in known.items()}


def _of_keys(entries: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields what changed in client keys, with their numbers."""
    found = entries.filter(object_type=_KEY).exclude(changes="").order_by().values_list("object_id", "changes")
    for object_id, text in found.iterator(2000):
        changes = json.loads(text)
        for pk, _, inner in [(object_id, "", changes)] if object_id else changes.get("rows", ()):
            yield int(pk), inner or {}


def _texts(pair: Any) -> set[str]:
    return {one for one in pair if isinstance(one, str)} if isinstance(pair, list) else set()


def _mentioned(person: ErasedPerson) -> Q:
    keys = [*map(str, person.theirs), ""]
    return (
        Q(person_id=person.id)
        | Q(object_type="auth.user", object_id=str(person.id))
        | Q(object_type=_KEY, object_id__in=keys)
        | Q(object_type__in=_BINDING)
        | person.mentioned_in("object_name")
        | person.mentioned_in("changes")
    )


def _replace(entry: AuditEntry, person: ErasedPerson, keys: dict[str, Names]) -> bool:
    """Replaces in one entry, unsaved; returns whether anything changed."""
    before = [getattr(entry, field) for field in chain.PERSONAL]
    about_them = entry.object_type == "auth.user" and entry.object_id == str(person.id)
    if entry.person_id == person.id:
        entry.person_name, entry.address = person.replacement, ""
    if about_them and entry.action.startswith("sign-in"):
        entry.address = ""
    people = entry.object_type in _OF_PEOPLE
    row = (entry.object_id, entry.object_name, json.loads(entry.changes or "{}"))
    _, entry.object_name, changes = _renamed(entry.object_type, row, person, keys)
    # How many rows were pruned is called so, too.
    if people and isinstance(changes.get("rows"), list):
        changes["rows"] = [_renamed(entry.object_type, row, person, keys) for row in changes["rows"]]
    if entry.object_type in _BINDING:
        for names in keys.values():
            entry.object_name, changes = names.replaced(entry.object_name), _each_text(changes, names)
    if people:
        entry.object_name = person.replaced(entry.object_name)
    if changes:
        entry.changes = writer.text_of(_replaced(changes, person, named=people))
    return before != [getattr(entry, field) for field in chain.PERSONAL]


def _renamed(kind: str, row: Any, person: ErasedPerson, keys: dict[str, Names]) -> list[Any]:
    """Returns the number, the title and the changes of a row without what the person or a key of theirs was called."""
    pk, title, changes = row
    changes = dict(changes or {})
    if kind == "auth.user" and pk == str(person.id):
        title = person.replacement if title else ""
        changes |= {field: _hidden(changes[field], person.replacement) for field in _OF_USER if field in changes}
    if kind == _KEY and pk in keys:
        title = keys[pk].replaced(title)
        changes |= {"name": _hidden(changes["name"], keys[pk].replacement)} if "name" in changes else {}
    return [pk, title, changes]


def _each_text(value: Any, names: Names) -> Any:
    """A copy of JSON with the names replaced wherever they are."""
    if isinstance(value, dict):
        return {key: _each_text(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_each_text(item, names) for item in value]
    return names.replaced(value) if isinstance(value, str) else value


def _hidden(pair: Any, replacement: str) -> Any:
    return [replacement if one else one for one in pair] if isinstance(pair, list) else pair


def _replaced(value: Any, person: ErasedPerson, *, named: bool) -> Any:
    """A copy of JSON with the names replaced in fields about people (all, if `named`), e-mails anywhere."""
    if isinstance(value, dict):
        return {
            key: _replaced(item, person, named=named or key in _FIELDS or key == "rows") for key, item in value.items()
        }
    if isinstance(value, list):
        return [_replaced(item, person, named=named) for item in value]
    if isinstance(value, str):
        return person.replaced(value) if named else person.without_addresses(value)
    return value

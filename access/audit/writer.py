"""The one writer of entries. It appends in the caller's transaction: what is rolled back leaves no entry."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import msgspec
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DEFAULT_DB_ALIAS, connections, models, router, transaction
from django.utils import timezone

from access.audit import chain, context
from access.audit.models import AuditEntry, AuditHead

_HEAD = 1
_AT_ONCE = 500
"""Entries of one INSERT."""
_TABLE = AuditHead._meta.db_table
_LOCK = f"SELECT number, hash FROM {_TABLE} WHERE id = %s"  # noqa: S608
_MOVE = f"UPDATE {_TABLE} SET number = %s, hash = %s WHERE id = %s"  # noqa: S608


class Draft(msgspec.Struct, frozen=True):
    """What an entry is to say; the rest is known where it is written."""

    action: str
    object_type: str = ""
    object_id: str = ""
    object_name: str = ""
    changes: dict[str, Any] | None = None


class Batch(msgspec.Struct):
    """Entries of many writes that are appended together, behind a head that the transaction has locked, and the names
    of rows that are known."""

    using: str
    head: AuditHead
    entries: list[tuple[Draft, context.Who]] = msgspec.field(default_factory=list)
    names: dict[tuple[type[models.Model], Any], str] = msgspec.field(default_factory=dict)


_batch: ContextVar[Batch | None] = ContextVar("audited_batch", default=None)


def batch_of(using: str) -> Batch | None:
    """Returns the batch of writes to a database that is under way."""
    under_way = _batch.get()
    return under_way if under_way is not None and under_way.using == using else None


def forget_names(using: str) -> None:
    """Call it after rows were changed or deleted: they, and what refers to them, may have other names."""
    if (under_way := batch_of(using)) is not None:
        under_way.names.clear()


@contextmanager
def batch(using: str, *, write: bool) -> Iterator[None]:
    """Within it, entries are collected; at its end they are appended in their order, or forgotten where the changes
    will be taken back (not `write`). Where it raises they are lost: let the whole transaction be rolled back then."""
    with transaction.atomic(using=using, savepoint=False):
        under_way = Batch(using, lock(using))
        token = _batch.set(under_way)
        try:
            yield
        finally:
            _batch.reset(token)
        if write:
            append_each(under_way.head, under_way.entries, using)


def record(
    action: str,
    target: models.Model | None = None,
    changes: dict[str, Any] | None = None,
    *,
    who: context.Who | None = None,
    name: str = "",
) -> None:
    """Writes one entry. `target` is a row, or None with a `name` of what it was done to; `who` is found out."""
    draft = Draft(action, object_name=name, changes=changes)
    using = DEFAULT_DB_ALIAS
    if target is not None:
        using = target._state.db or router.db_for_write(type(target))
        draft = Draft(action, target._meta.label_lower, str(target.pk), name or str(target), changes)
    append([draft], using, who)


def append(drafts: Sequence[Draft], using: str, who: context.Who | None = None) -> list[AuditEntry]:
    """Appends entries to the chain, one writer at a time, and returns them."""
    with transaction.atomic(using=using, savepoint=False):
        return append_to(lock(using), drafts, using, who)


def append_to(head: AuditHead, drafts: Sequence[Draft], using: str, who: context.Who | None = None) -> list[AuditEntry]:
    """Appends entries behind a head that this transaction has locked. In a batch they are collected instead, and none
    are returned."""
    if not drafts:
        return []
    who = who or context.current()
    pairs = [(draft, who) for draft in drafts]
    if (under_way := batch_of(using)) is not None:
        under_way.entries += pairs
        return []
    return append_each(head, pairs, using)


def append_each(head: AuditHead, pairs: Sequence[tuple[Draft, context.Who]], using: str) -> list[AuditEntry]:
    """Appends entries, each of somebody's, behind a head that this transaction has locked."""
    entries = []
    for draft, who in pairs:
        entry = _entry(head, draft, who)
        head.number, head.hash = entry.number, entry.hash
        entries.append(entry)
    if not entries:
        return []
    AuditEntry.objects.using(using).bulk_create(entries, batch_size=_AT_ONCE)
    with connections[using].cursor() as cursor:
        cursor.execute(_MOVE, [head.number, head.hash, head.pk])
    return entries


def lock(using: str) -> AuditHead:
    """Returns the head, locked until the transaction ends.

    It is taken before the rows that are written about are read, so that nobody else changes them meanwhile. SQLite has
    one writer at a time.
    """
    if (under_way := batch_of(using)) is not None:
        return under_way.head
    # Written as SQL, as is the update: both are in every write, and Django takes longer to make it than the database.
    with connections[using].cursor() as cursor:
        cursor.execute(_LOCK + " FOR UPDATE" * connections[using].features.has_select_for_update, [_HEAD])
        row = cursor.fetchone()
    if row is not None:
        return AuditHead(_HEAD, *row)
    heads = AuditHead.objects.using(using)
    last = AuditEntry.objects.using(using).order_by("-number").first()
    beginning = {} if last is None else {"number": last.number, "hash": last.hash}
    return heads.select_for_update().get_or_create(pk=_HEAD, defaults=beginning)[0]


def text_of(value: Any) -> str:
    """Returns changes as the JSON that is stored and hashed."""
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)


def _entry(head: AuditHead, draft: Draft, who: context.Who) -> AuditEntry:
    entry = AuditEntry(
        number=head.number + 1,
        at=timezone.now(),
        action=draft.action,
        person_id=who.person_id,
        person_name=_plain(who.person_name, 150),
        address=who.address,
        origin=who.origin,
        object_type=draft.object_type,
        object_id=draft.object_id,
        object_name=_plain(draft.object_name, 250),
        changes=text_of(draft.changes) if draft.changes else "",
        salt=secrets.token_hex(16),
        previous=head.hash,
    )
    entry.personal_digest = chain.personal_digest(entry)
    entry.hash = chain.hash_of(entry)
    return entry


def _plain(text: str, most: int) -> str:
    return text.replace("\0", "")[:most]

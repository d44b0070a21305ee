"""How entries hold each other: digests of what they say, and a check of all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from access.audit.models import AuditEntry, AuditHead

START = "0" * 64
"""What stands in place of the hash before the first entry."""
PERSONAL = ("person_name", "address", "object_name", "changes")
"""Fields that may name a person: covered by the salted digest."""
PRUNED = "audit pruned"
ERASED = "person erased"
THROUGH_THE_GATE = (PRUNED, ERASED)
"""Actions whose entry is written before entries are changed or deleted."""


def digest(*parts: Any) -> str:
    """Returns the SHA-256 of the parts as JSON."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()


def personal_digest(entry: AuditEntry) -> str:
    """Returns the salted digest of what may name a person."""
    return digest(entry.salt, *(getattr(entry, name) for name in PERSONAL))


def hash_of(entry: AuditEntry) -> str:
    """Returns the hash of an entry from its other fields."""
    moment: datetime = entry.at
    return digest(
        entry.previous,
        entry.number,
        moment.astimezone(UTC).isoformat(),
        entry.action,
        entry.person_id,
        entry.origin,
        entry.object_type,
        entry.object_id,
        entry.personal_digest,
    )


def statement(entries: Iterable[AuditEntry]) -> list[Any]:
    """Returns the number and one digest of entries, in the order of their numbers, as an erasure leaves them."""
    rows = [[entry.number, *(getattr(entry, name) for name in PERSONAL)] for entry in entries]
    return [len(rows), digest(*rows)]


def faults(using: str = "default") -> Iterator[str]:
    """Yields a sentence for each thing that is wrong with the entries of a database.

    It asks several times: call it where all answers are of one state (`access.database.snapshot`).
    """
    entries = AuditEntry.objects.using(using)
    head = AuditHead.objects.using(using).first() or AuditHead()
    previous, number = _beginning(using)
    for entry in entries.order_by("number").iterator(2000):
        if entry.number != number + 1:
            yield f"Entries {number + 1} to {entry.number - 1} are missing."
        elif entry.previous != previous:
            yield f"Entry {entry.number} does not follow the entry before it."
        if hash_of(entry) != entry.hash:
            yield f"Entry {entry.number} was changed."
        elif entry.salt and personal_digest(entry) != entry.personal_digest:
            yield f"Entry {entry.number} was changed: a name, an address or what changed."
        elif not entry.salt and entry.erased_by is None:
            yield f"Entry {entry.number} has lost its salt, and no person was erased from it."
        previous, number = entry.hash, entry.number
    if (head.number, head.hash) != (number, previous):
        yield f"The last entry should be {head.number}, and is {number}."
    if head.open:
        yield "The gate stands open: entries may be changed."
    yield from _erasures(using)


def _beginning(using: str) -> tuple[str, int]:
    """The hash and the number of the last entry that was pruned."""
    pruned = AuditEntry.objects.using(using).filter(action=PRUNED).order_by("-number").first()
    if pruned is None:
        return START, 0
    removed = noted(pruned.changes)
    number = removed.get("last removed number")
    return str(removed.get("last removed hash", START)), number if isinstance(number, int) else 0


def _erasures(using: str) -> Iterator[str]:
    """What is wrong with entries that people were erased from: the last statement on each erasure must hold."""
    entries = AuditEntry.objects.using(using)
    stated: dict[int, list[Any]] = {}
    for changes in entries.filter(action__in=THROUGH_THE_GATE).order_by("number").values_list("changes", flat=True):
        erasures = noted(changes).get("erasures")
        if isinstance(erasures, dict):
            stated |= {int(number): one for number, one in erasures.items() if number.isdecimal() and len(number) < 19}
    covering = entries.exclude(erased_by=None).values_list("erased_by", flat=True).distinct().order_by("erased_by")
    for number in sorted({*(number for number in covering if number is not None), *stated}):
        if statement(entries.filter(erased_by=number).order_by("number").iterator(2000)) != stated.get(number):
            yield f"Entries from which the erasure in entry {number} took a person were changed."


def noted(changes: str) -> dict[str, Any]:
    """Returns what an entry says in `changes`: nothing where somebody made it unreadable, which its digest shows."""
    try:
        found = json.loads(changes or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

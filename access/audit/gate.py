"""The one way to change or delete entries: within a transaction, behind an entry that says what for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.db import transaction

from access.audit import writer
from access.audit.models import AuditHead


@contextlib.contextmanager
def opened(draft: writer.Draft, using: str = "default") -> Iterator[int]:
    """Writes the entry, opens the gate, and closes it at the end; yields the entry's number.

    The database refuses to open it behind any other entry than that of a pruning or an erasure. The lock on the head
    keeps other writers waiting meanwhile.
    """
    with transaction.atomic(using=using):
        (entry,) = writer.append([draft], using)
        heads = AuditHead.objects.using(using)
        heads.update(open=True)
        yield entry.number
        heads.update(open=False)

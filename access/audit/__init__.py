"""Who changed what, from what to what, and from where: entries that nobody edits, in the transaction of the change."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any


def record(action: str, target: Any = None, changes: dict[str, Any] | None = None, **known: Any) -> None:
    """Writes one entry, in the caller's transaction; see `access.audit.writer.record`."""
    # Models cannot be imported before the apps are loaded, and manage.py imports this package earlier.
    from access.audit import writer

    writer.record(action, target, changes, **known)


def lock(using: str = "default") -> None:
    """Locks the audit until the transaction ends. Whoever locks rows of configuration or people takes this lock before,
    as every write does: else two transactions could wait for each other."""
    from access.audit import writer

    writer.lock(using)


def batch(using: str = "default", *, write: bool = True) -> AbstractContextManager[None]:
    """Appends the entries of many writes together; see `access.audit.writer.batch`."""
    from access.audit import writer

    return writer.batch(using, write=write)

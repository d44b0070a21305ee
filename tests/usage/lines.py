"""Lines of a journal as they stand in its files."""

from __future__ import annotations

from usage.journal.segments import Entry, line_of


def journal_line(entry: Entry) -> bytes:
    """The line of an entry, in one piece."""
    return b"".join(line_of(entry, bytearray()))

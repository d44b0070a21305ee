"""A snapshot that could not be compared with the database for long: the warning, and later the refusal of requests."""

from __future__ import annotations

from typing import Final

from streaming.refused import RefusalKind, Refused
from usage.sentence import Sentence

SHOWN_SECONDS: Final = 10.0
"""From which age on a snapshot is warned of: it is usually less than half a second, and a load takes seconds."""


def refusal(age: float, most: int) -> Refused:
    """Returns the refusal of whatever is asked of a snapshot of `age` seconds, where `most` are allowed (MAX_STALE)."""
    return Refused(
        RefusalKind.BROKEN_GATEWAY,
        Sentence(
            "This gateway could not read its database for {age:,.0f} s and cannot know which client keys are still "
            "valid, so it refuses all requests after {most:,} s (MAX_STALE). Ask an administrator of this gateway to "
            "see to its database. It serves again by itself as soon as that answers.",
            code="database_unread",
            age=age,
            most=most,
        ),
        code="database_unread",
    )


def warning(age: float | None, most: int) -> str | None:
    """Returns what administrators must know of a snapshot of `age` seconds, None while it is fresh."""
    if age is None or age < SHOWN_SECONDS:
        return None
    since = f"The database could not be read for {age:,.0f} s"
    if not most:
        return f"{since}: client keys that ended meanwhile still work here, and will until it answers (MAX_STALE is 0)."
    if age > most:
        return f"{since}: all requests are refused after {most:,} s (MAX_STALE)."
    return (
        f"{since}: client keys that ended meanwhile still work here. After {most:,} s all requests are refused "
        "(MAX_STALE)."
    )

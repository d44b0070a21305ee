"""Tags of client keys and those that clients name in a header. Knows no HTTP and no database.

What a client names is a claim, marked as such, unless its key says that it counts as a tag.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from uuid import UUID

import msgspec

HEADER: Final = "x-gateway-tags"
"""The header with a client's tags, separated by commas."""
CLAIMED: Final = "claimed:"
"""How a tag begins that only the client named."""
LONGEST: Final = 40
"""Characters of a tag."""
MOST: Final = 10
"""Tags that a client may name for a request."""
_MOST_CHARACTERS: Final = 1000
"""Of the header that are read."""

Globs = tuple[tuple[str, ...], ...]
"""Patterns, each as the texts around its `*`."""


class Tagged(msgspec.Struct, frozen=True):
    """The tags of a request: as its row has them (the key's, sorted, and then the client's), with their id, and as
    rules see them.

    `others` is the id of the key's tags with all that clients name beside them; None where the client named none.
    `ignored` counts those that it named in vain, by reason.
    """

    tags: list[str]
    id: UUID
    seen: tuple[str, ...]
    others: UUID | None = None
    ignored: dict[str, int] = {}


def tags_of(text: str) -> tuple[str, ...]:
    """Returns the tags, or patterns of tags, in a text that separates them by commas."""
    return tuple(tag for part in text.split(",") if (tag := " ".join(part.split())))


def globs_of(text: str) -> Globs:
    """Returns the patterns in a text that separates them by commas; `*` matches any characters."""
    return tuple(tuple(pattern.split("*")) for pattern in tags_of(text))


def set_id(tags: Iterable[str]) -> UUID:
    """Returns the id of a set of tags."""
    return UUID(bytes=hashlib.blake2b("\n".join(sorted(tags)).encode(), digest_size=16).digest())


def meant(tags_id: UUID | None, tags: list[str] | None) -> list[str] | None:
    """Returns the set of tags that a row's id stands for, in order: the row's own, or with OTHERS in place of what its
    client named; None where it stands for neither."""
    if not tags or tags_id == set_id(tags):
        return tags and sorted(tags)
    # The key's own tags come first.
    sets = (sorted([*tags[:own], OTHERS]) for own in range(len(tags)))
    return next((each for each in sets if tags_id == set_id(each)), None)


NO_TAGS: Final = set_id(())
"""The id of the empty set."""
OTHERS: Final = CLAIMED
"""Stands for all that clients name, where they name very many sets on a day. A tag that a client names is not empty."""


@lru_cache(maxsize=4096)
def _others(tags: tuple[str, ...]) -> UUID:
    return set_id({*tags, OTHERS})


@lru_cache(maxsize=4096)
def of_key(tags: tuple[str, ...]) -> Tagged:
    """Returns the tags of a request whose client names none."""
    rows = sorted(set(tags))
    return Tagged(rows, set_id(rows), tags)


def of_request(tags: tuple[str, ...], globs: Globs, *, count: bool, header: str) -> Tagged:
    """Returns the tags of a request: its key's, and those in the client's header that match `globs`.

    With `count` the client's are tags like the key's; otherwise they are claims. Those that match no pattern, are too
    long, or come after the first ten are ignored: no answer fails because of a label.
    """
    return _of_request(tags, globs, count, header[: _MOST_CHARACTERS + 1])


@lru_cache(maxsize=1024)
def _of_request(tags: tuple[str, ...], globs: Globs, count: bool, header: str) -> Tagged:
    named, ignored = _named(header), {}
    if len(header) > _MOST_CHARACTERS:
        # The last one may be cut, and nobody counts how many would follow.
        named, ignored = named[:-1], {"too_many": 1}
    claims: list[str] = []
    for tag in named:
        if tag in tags:
            continue
        if why := _why_ignored(tag, globs, len(claims)):
            ignored[why] = ignored.get(why, 0) + 1
        else:
            claims.append(tag)
    rows = [*sorted(set(tags)), *sorted(claims if count else (CLAIMED + tag for tag in claims))]
    seen = (*tags, *claims) if count else tags
    return Tagged(rows, set_id(rows), seen, _others(tags) if claims else None, ignored)


def _named(header: str) -> list[str]:
    if not header.isascii():
        # Servers read headers as Latin-1; what was sent is usually UTF-8.
        with contextlib.suppress(UnicodeError):
            header = header.encode("latin-1").decode()
    return list(dict.fromkeys(tags_of(header)))


def _why_ignored(tag: str, globs: Globs, claims: int) -> str:
    """Why a tag that the client named is ignored; "" where it is not."""
    if len(tag) > LONGEST:
        return "too_long"
    if tag.lower().startswith(CLAIMED) or not tag.isprintable() or not any(_matches(glob, tag) for glob in globs):
        return "not_allowed"
    return "too_many" if claims >= MOST else ""


def _matches(glob: tuple[str, ...], tag: str) -> bool:
    """Whether a pattern matches a tag. A regular expression of many `*` could take for ever."""
    if len(glob) == 1:
        return tag == glob[0]
    first, *between, last = glob
    if len(tag) < len(first) + len(last) or not (tag.startswith(first) and tag.endswith(last)):
        return False
    at, end = len(first), len(tag) - len(last)
    for part in between:
        at = tag.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def why_invalid(tags: Iterable[str]) -> str:
    """Returns why a key cannot have these tags, or patterns of tags, and what to do; "" where it can."""
    for tag in tags:
        if tag.lower().startswith(CLAIMED):
            return f"“{CLAIMED}” marks what clients named, so no tag begins with it. Choose another name than {tag!r}."
        if not tag.isprintable():
            return f"{tag!r} has characters that cannot be seen. Write it without them."
        if len(tag) > LONGEST:
            return f"{tag!r} has more than {LONGEST} characters. Choose a shorter one."
    return ""

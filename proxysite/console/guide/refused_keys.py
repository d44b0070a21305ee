"""Requests with a key that is refused or a path that there is not, for the panel that waits for a first one: what was
wrong, and what to do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec
from django.http import HttpRequest

from access.addresses import block_of
from access.connect import base_url
from access.key_format import LENGTH, PLACEHOLDER, PREFIX
from access.sign_in.backend import address_of
from proxysite.live import refusals
from streaming.ingress.claude import wrong_paths
from usage.live.refusals import Note, SentKey

MOST: Final = 3
"""Addresses of one panel."""
_USE_IT: Final = "Use the key shown here: make one above if there is none, and paste its lines into the client anew."
_TEXTS: Final = {
    SentKey.NOTHING: ("It had no key.", f"{_USE_IT} A shell that was open before does not have them."),
    SentKey.PLACEHOLDER: (f"It had {PLACEHOLDER} for a key.", "Put your key in its place, or make one above."),
    SentKey.ANTHROPIC: (
        "It had a key or a sign-in of Anthropic's, which is not one of this gateway's.",
        "The client still uses its own: set ANTHROPIC_AUTH_TOKEN to the key shown here, remove ANTHROPIC_API_KEY, and "
        "sign out in Claude Code (/logout).",
    ),
    SentKey.WHOLE: (
        "Its key {key} is whole, and this gateway does not know it: it was deleted, or is another gateway's.",
        _USE_IT,
    ),
    SentKey.OTHER: (
        f"Its key is not one of this gateway's: those that are made here begin with {PREFIX} and have {LENGTH} "
        "characters, this one has {length}.",
        _USE_IT,
    ),
}
_MISTYPED: Final = "Its key {key} is mistyped: its last characters do not fit to the others."
_TOO_SHORT: Final = f"Its key {{key}} has {{length}} characters, and keys of this gateway have {LENGTH}."
_COPY: Final = "Copy the whole key anew from where it is shown, or make another one above."


class Refused(msgspec.Struct, frozen=True):
    """What the panel shows of one. `from_here`: it came from the address of the browser that shows it."""

    id: str
    at: datetime
    address: str
    from_here: bool
    what: str
    status: int
    why: str
    advice: str


def newest(request: HttpRequest, moment: datetime) -> list[Refused]:
    """Returns the newest of each address since a moment, that of the reader's own address in front."""
    own = address_of(request)
    notes = [(note, block_of(note.address) == own) for note in refusals.since(moment)]
    chosen = sorted(notes, key=lambda one: not one[1])[:MOST]
    gateway = base_url(request)
    return [_described(note, gateway, from_here=from_here) for note, from_here in chosen]


def _described(note: Note, gateway: str, *, from_here: bool) -> Refused:
    at = datetime.fromtimestamp(note.at, UTC)
    address = note.address or "an unknown address"
    # Whoever has both wrong is told of both.
    parts = [_of_key(note), _of_path(note, gateway)]
    why, advice = (" ".join(text for text in texts if text) for texts in zip(*parts, strict=True))
    return Refused(note.id, at, address, from_here, note.what, note.status, why, advice)


def _of_path(note: Note, gateway: str) -> tuple[str, str]:
    method, _, _ = note.what.partition(" ")
    wrong = wrong_paths.wrong(method, note.wrong_path) if note.wrong_path else None
    return ("", "") if wrong is None else (wrong.why, wrong.advice(gateway))


def _of_key(note: Note) -> tuple[str, str]:
    if note.sent is SentKey.UNREAD:
        return "", ""
    if note.sent is SentKey.KNOWN:
        return note.message, ""
    if note.sent is SentKey.CUT:
        why, advice = _MISTYPED if note.length == LENGTH else _TOO_SHORT, _COPY
    else:
        why, advice = _TEXTS[note.sent]
    return why.format(key=f"{note.shown}…", length=note.length), advice

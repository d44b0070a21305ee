"""What requests with refused client keys and with wrong paths were, for whoever waits for a first request: they leave
no usage row.

Nothing is noted while nobody waits. While somebody does, no more than a few clients are described between two looks,
each once, however many requests they send.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from access.addresses import client_behind
from access.key_format import PLACEHOLDER, PREFIX, is_ours
from access.keys import NOTHING, SHOWN, UNKNOWN, AccessDenied, presented
from usage.live.refusals import Note, SentKey

MOST_NOTES: Final = 20
"""Addresses that one worker tells of: those that sent something last."""
MOST_DESCRIBED: Final = 50
"""Clients between two looks."""
_ANTHROPIC: Final = "sk-ant-"


class Notes:
    """The newest request of each address. `add` is called in the event loop, `taken` by whoever looks, who is told by
    `is_new` that there is something."""

    def __init__(self, proxies: tuple[str, ...], is_new: Callable[[], object]) -> None:
        self._proxies = proxies
        self._is_new = is_new
        self._described: set[str] = set()
        self._notes: tuple[Note, ...] = ()

    def taken(self) -> tuple[Note, ...]:
        """Returns them, the newest last; from now on every client is described once more."""
        self._described = set()
        return self._notes

    def add(
        self,
        request_id: str,
        what: str,
        wrong_path: str,
        headers: Mapping[str, str],
        refusal: AccessDenied | None,
        answer: tuple[int, str],
        *,
        peer: str,
    ) -> None:
        """Notes a request; `what` and `wrong_path` are those of a Note, `refusal` is None where its path is wrong and
        not its key, `answer` the status and the message that it got."""
        if len(self._described) >= MOST_DESCRIBED:
            return
        # Not by what the client writes into a header that no proxy vouches for.
        address = client_behind(peer, headers.get("x-forwarded-for", ""), self._proxies)
        if address in self._described:
            return
        self._described.add(address)
        sent, shown, length = (SentKey.UNREAD, "", 0) if refusal is None else _key_of(headers, refusal)
        note = Note(request_id, time.time(), address, what, *answer, sent, shown, length, wrong_path)
        others = [one for one in self._notes if one.address != address]
        self._notes = (*others[1 - MOST_NOTES :], note)
        self._is_new()


def _key_of(headers: Mapping[str, str], refusal: AccessDenied) -> tuple[SentKey, str, int]:
    """Returns what was sent for a key, as much of it as may be shown, and its length."""
    if refusal is NOTHING:
        return SentKey.NOTHING, "", 0
    if refusal is not UNKNOWN:
        return SentKey.KNOWN, "", 0
    sent = presented(headers)
    secret = next((one for one in sent if one.startswith(PREFIX)), sent[0] if sent else "")
    if not secret.startswith(PREFIX):
        # Of another service's secret nothing is shown: nobody here knows how much of it is secret.
        kind = SentKey.ANTHROPIC if secret.startswith(_ANTHROPIC) else SentKey.OTHER
        return SentKey.PLACEHOLDER if secret == PLACEHOLDER else kind, "", len(secret)
    shown = secret[:SHOWN] if secret[:SHOWN].isascii() and secret[:SHOWN].isprintable() else ""
    return SentKey.WHOLE if is_ours(secret) else SentKey.CUT, shown, len(secret)

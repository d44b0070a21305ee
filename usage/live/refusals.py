"""Requests with refused client keys or wrong paths, as workers write them for whoever waits. No secret is in it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class SentKey(StrEnum):
    """What such a request had for a key."""

    NOTHING = "nothing"
    PLACEHOLDER = "placeholder"
    """What stands in the place of a key in lines to paste."""
    ANTHROPIC = "anthropic"
    CUT = "cut"
    """It begins like one of this gateway's and is no whole key: something of it is missing or mistyped."""
    WHOLE = "whole"
    """A key of the right form that does not exist here."""
    OTHER = "other"
    KNOWN = "known"
    """A key that exists and is not in force, or not from there; `message` says why."""
    UNREAD = "unread"
    """Nothing is wrong with the key, or nobody looked: the path is wrong."""


class Note(msgspec.Struct, omit_defaults=True):
    """The last such request of a client. `at` is in POSIX seconds, `what` its method and path, `status` and `message`
    the answer, `shown` the first characters of a key that begins like one of this gateway's, `length` that of any.

    Of a path that the API does not have, `what` and `wrong_path` hold the end that is known of other paths alone.
    """

    id: str
    at: float
    address: str
    what: str
    status: int
    message: str
    sent: SentKey
    shown: str = ""
    length: int = 0
    wrong_path: str = ""


encode = msgspec.json.encode
decode = msgspec.json.Decoder(list[Note]).decode

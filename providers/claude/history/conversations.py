"""The conversations that were sent last. What a request repeats of one of them is compared with it instead of parsed.

Where a list of messages begins with bytes that are known to be whole messages, other bytes of a list's item in their
place leave everything else in the document what it is: that is JSON's grammar. So the rest is parsed with a mark in
their place, which only this process knows; where it turns up again, they belong.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, Final, NamedTuple

import msgspec

from providers.claude.client_json import decode_shallow
from providers.claude.history.message import KnownMessage

_MOST: Final = 16 * 1024 * 1024
"""Bytes of memory of all conversations."""
_ALIKE: Final = 8
"""Conversations that begin alike, as those of one project do."""
_HEAD: Final = 256
_LIST: Final = b'"messages":['
_MARK: Final = secrets.token_hex(16)
_MARKED: Final = b'"%b",' % _MARK.encode()
_encode = msgspec.json.encode


class Read(NamedTuple):
    """A body's value, and the lists and objects in it that were not made for it."""

    value: Any
    spared: int = 0


class _Conversation(msgspec.Struct, frozen=True, eq=False):
    messages: tuple[KnownMessage, ...]
    size: int


class _Known(NamedTuple):
    """The beginning of a conversation, where it ends in a body, and the conversation."""

    messages: tuple[KnownMessage, ...]
    end: int
    of: _Conversation | None = None


class Conversations:
    """A worker's, each as its messages but the last; those that were not asked for the longest go.

    Several sessions of one project begin alike. A conversation takes the place of the one that it goes on with.
    Messages that are not `valid` are not kept.
    """

    def __init__(self, valid: Callable[[dict[str, Any]], bool]) -> None:
        self._valid = valid
        self._kept: OrderedDict[bytes, list[_Conversation]] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def read(self, body: bytes) -> Read:
        """Returns what `decode_shallow` does, with its errors; the messages that are known are KnownMessage."""
        start = body.find(_LIST) + len(_LIST)
        if start < len(_LIST):
            return Read(decode_shallow(body))
        head = body[start : start + _HEAD]
        known = self._known(head, body, start)
        request = decode_shallow(b"".join((body[:start], _MARKED, body[known.end :])) if known.messages else body)
        messages = request.get("messages") if isinstance(request, dict) else None
        if known.messages:
            if not isinstance(messages, list) or messages[:1] != [_MARK]:
                return Read(decode_shallow(body))
            messages[:1] = known.messages
        if isinstance(messages, list):
            self._keep(head, body, messages, known)
        return Read(request, sum([message.containers for message in known.messages]))

    def _known(self, head: bytes, body: bytes, start: int) -> _Known:
        """The longest beginning of the messages that is one of a conversation."""
        with self._lock:
            alike = list(self._kept.get(head, ()))
        best = _Known((), start)
        for conversation in alike:
            at, number = start, 0
            for message in conversation.messages:
                if not body.startswith(message.raw, at):
                    break
                at += len(message.raw)
                number += 1
            if at > best.end:
                best = _Known(conversation.messages[:number], at, conversation)
        return best

    def _keep(self, head: bytes, body: bytes, messages: list[Any], known: _Known) -> None:
        """Keeps the messages but the last, up to one that is written in another way than here."""
        at, number = known.end, len(known.messages)
        for message in messages[number:-1]:
            raw = _encode(message) + b","
            if type(message) is not dict or not body.startswith(raw, at) or not self._valid(message):
                break
            messages[number] = KnownMessage(message, raw)
            at += len(raw)
            number += 1
        with self._lock:
            if number > len(known.messages):
                self._add(head, tuple(messages[:number]), known)
            elif head in self._kept:
                self._kept.move_to_end(head)

    def _add(self, head: bytes, messages: tuple[KnownMessage, ...], known: _Known) -> None:
        alike = self._kept.setdefault(head, [])
        self._kept.move_to_end(head)
        conversation = _Conversation(messages, sum(message.size for message in messages))
        alike.append(conversation)
        self._size += conversation.size
        if known.of is not None and known.of in alike and 2 * len(known.messages) >= len(known.of.messages):
            alike.remove(known.of)
            self._size -= known.of.size
        elif len(alike) > _ALIKE:
            self._size -= alike.pop(0).size
        while self._size > _MOST:
            self._size -= sum(conversation.size for conversation in self._kept.popitem(last=False)[1])

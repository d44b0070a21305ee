"""What a transport makes of the bytes of a connection, cut as one likes: ours and aiohttp's, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple

import aiohttp
from aiohttp.client_proto import ResponseHandler

from providers.outbound.wire.reader import BODY, DONE, FAILED, HEAD, Failure, ResponseReader

WHOLE, BROKEN, MORE = "whole", "broken", "more to come"
NO_ANSWER, NOT_HTTP, TOO_MANY = "no answer", "not HTTP", "too many heads"


class Outcome(NamedTuple):
    """`status` is 0 without a head. `keeps`: whether the connection is good for another request."""

    status: int
    body: bytes
    ending: str
    keeps: bool


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """The pieces of `data` between the places."""
    at = [0, *sorted({place for place in places if 0 < place < len(data)}), len(data)]
    return [data[start:end] for start, end in pairwise(at) if start < end]


def ours(pieces: Iterable[bytes], *, closes: bool = False, resets: bool = False) -> Outcome:
    """By the gateway's own reader; the server closes the connection at the end, or breaks it."""
    reader = ResponseReader()
    for piece in pieces:
        reader.data_received(piece)
        if reader.phase == FAILED:
            break
    if closes and not resets:
        reader.eof_received()
    if (closes or resets) and reader.phase in (HEAD, BODY):
        reader.abort()
    head = reader.head
    endings = {Failure.MALFORMED: NOT_HTTP, Failure.TOO_MANY_HEADS: TOO_MANY}
    if head is None:
        lost = MORE if reader.phase == HEAD else NO_ANSWER
        ending = lost if reader.failure is None else endings.get(reader.failure, NO_ANSWER)
        return Outcome(0, b"", ending, False)
    ending = {DONE: WHOLE, BODY: MORE}.get(reader.phase, BROKEN)
    keeps = ending == WHOLE and not closes and not resets and head.keep > 0
    return Outcome(head.status, b"".join(reader.parts), ending, keeps)


def aiohttps(loop: asyncio.AbstractEventLoop, pieces: Iterable[bytes], *, closes: bool = False) -> Outcome:
    """By aiohttp's protocol, which a loop belongs to."""
    handler = ResponseHandler(loop)
    transport: Any = _Deaf()
    handler.connection_made(transport)
    handler.set_response_params(read_until_eof=True, auto_decompress=False)
    failed = False
    for piece in pieces:
        handler.data_received(piece)
        if failed := handler.exception() is not None:
            break
    buffer: Any = handler._buffer
    answers = [answer for answer, _ in buffer if answer[0].code >= 200]
    if not answers:
        if closes and not failed:
            handler.connection_lost(None)
        error = handler.exception()
        refused = isinstance(error, aiohttp.http_exceptions.HttpProcessingError)
        return Outcome(0, b"", NOT_HTTP if refused else MORE if error is None else NO_ANSWER, False)
    message, payload = answers[0]
    if closes:
        handler.connection_lost(None)
    body = b"".join(payload._buffer) if hasattr(payload, "_buffer") else b""
    if payload.exception() is not None:
        return Outcome(message.code, body, BROKEN, False)
    # What follows an answer fails the connection, and not the answer.
    return Outcome(message.code, body, WHOLE if payload.is_eof() else MORE, not handler.should_close)


class _Deaf(asyncio.Transport):
    """Takes nothing and pauses nothing."""

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""

    def abort(self) -> None:
        """Nothing is open."""

    def pause_reading(self) -> None:
        """Nothing comes by itself."""

    def resume_reading(self) -> None:
        """Nothing comes by itself."""

"""A request's body: read within its limit, parsed, and checked just enough that nothing below meets a surprise.

Unknown fields pass; a required field that is missing or wrong is named in the error.
"""

from __future__ import annotations

import codecs
import gc
from collections.abc import Coroutine, Mapping
from typing import Any, Final, LiteralString

import msgspec
from django.conf import settings

from providers.claude.client_json import SHALLOW, has_costly_integers, is_deeper
from providers.claude.history.item import KnownItem
from providers.claude.history.lists import KnownLists, Read
from providers.offload import off_loop
from routing.facts.content import without_subagent_tags
from streaming.exchange.client import Receive
from streaming.exchange.load import Share
from streaming.ingress import compression
from streaming.ingress.claude.errors import ClaudeError
from streaming.ingress.json_slices import TooDeep, decoded
from streaming.ingress.json_values import holds_more_values
from usage.collector import at_rest
from usage.sentence import Sentence

# Read once: each look through Django's object costs as much as reading a small body.
MAX_BODY_BYTES: Final[int] = settings.MAX_BODY_BYTES
MAX_JSON_DEPTH: Final[int] = settings.MAX_JSON_DEPTH
MAX_JSON_VALUES: Final[int] = settings.MAX_JSON_VALUES
_SMALL: Final = 16 * 1024
"""Bytes of a body that is little work, whatever it holds."""
BIG: Final = 256 * 1024
"""Bytes of a body that is read beside the event loop."""
_MOST_DIGITS: Final = 20
_MANY: Final = 4_000
"""Lists and objects in a body. A coding agent's request has one in about 400 bytes."""
_ROLES = frozenset({"user", "assistant", "system"})


class ClientGone(Exception):
    """The client left before its request was complete."""


def read_body(receive: Receive, headers: Mapping[str, str], share: Share) -> Coroutine[Any, Any, bytes]:
    """Returns the complete body, once awaited. Raises ClaudeError 413 as soon as it is known to be too large, or
    ClientGone; for a compressed body 415 where its compression is unknown here and 400 where it is broken; Refused as
    soon as `share` has no place for it."""
    encoding = headers.get("content-encoding")
    return _read(receive, headers, share) if encoding is None else _decompressed(encoding, receive, headers, share)


async def _decompressed(encoding: str, receive: Receive, headers: Mapping[str, str], share: Share) -> bytes:
    try:
        coding = compression.coding(encoding)
        body = await _read(receive, headers, share)
        if coding is None:
            return body
        plain = await compression.decompressed(body, coding, MAX_BODY_BYTES)
        share.release()
        share.hold(len(plain))
        return plain
    except compression.UnknownCompression as error:
        raise ClaudeError(
            415,
            f"The content-encoding {encoding[:100]!r} is not supported. "
            f"Send the body uncompressed, or as one of {compression.SUPPORTED}.",
            [(b"accept-encoding", compression.SUPPORTED.encode())],
            code="unknown_compression",
            why=Sentence("The body's content-encoding is not supported.", code="unknown_compression"),
        ) from error
    except compression.BrokenCompression as error:
        raise ClaudeError(
            400,
            f"The body is not whole, or not {encoding[:100]!r} as its content-encoding says.",
            code="invalid_body",
            why=Sentence("The body is not whole, or not compressed as its content-encoding says.", code="invalid_body"),
        ) from error
    except compression.TooMuch as error:
        raise _too_large(MAX_BODY_BYTES) from error


async def _read(receive: Receive, headers: Mapping[str, str], share: Share) -> bytes:
    limit = MAX_BODY_BYTES
    # The gateway's own server has a body that came with its head.
    body_now = getattr(getattr(receive, "__self__", None), "body_now", None)
    whole: bytes | None = body_now and body_now()
    if whole is not None:
        if len(whole) > limit:
            raise _too_large(limit)
        share.hold(len(whole))
        return whole
    announced = headers.get("content-length", "")
    if announced.isascii() and announced.isdecimal():
        # A number of more digits than int() takes is larger still.
        if len(announced) > _MOST_DIGITS or int(announced) > limit:
            raise _too_large(limit)
        share.expect(int(announced))
    return await _received(receive, limit, share)


async def _received(receive: Receive, limit: int, share: Share) -> bytes:
    """Returns a body that is still on its way."""
    message = await receive()
    body: bytes = message.get("body", b"")
    share.hold(len(body))
    if message["type"] == "http.request" and not message.get("more_body"):
        if len(body) > limit:
            raise _too_large(limit)
        return body
    # Not a list of parts: the room of hundreds of them would stay with the process.
    whole = bytearray(body)
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        if len(whole) > limit:
            raise _too_large(limit)
        if not message.get("more_body"):
            return bytes(whole)
        message = await receive()
        part: bytes = message.get("body", b"")
        whole += part
        share.hold(len(part))


async def parsed(body: bytes) -> tuple[dict[str, Any], bool]:
    """Returns the JSON object of a body, and whether work on all of it belongs beside the event loop; a big one is read
    there. Raises ClaudeError 400."""
    return await off_loop(parsed_here, body) if len(body) > BIG else parsed_here(body)


def parse(body: bytes) -> dict[str, Any]:
    """Returns the JSON object of a body. Raises ClaudeError 400."""
    return parsed_here(body)[0]


def parsed_here(body: bytes) -> tuple[dict[str, Any], bool]:
    """Returns what `parsed` does, in this thread. Raises ClaudeError 400."""
    size = len(body)
    if size <= _SMALL:
        return _object(body), False
    if holds_more_values(body, MAX_JSON_VALUES):
        raise _too_many()
    with at_rest:
        # The collector counts how many lists and objects are made, in C, and nobody sets the count back meanwhile.
        made = -gc.get_count()[0]
        content, spared = _agent_object(body) or (_object(body), 0)
        made += gc.get_count()[0] + spared
    if size > BIG and has_costly_integers(content):
        raise ClaudeError(
            400, Sentence("The body holds numbers of too many digits.", code="numbers_too_long"), code="invalid_json"
        )
    return content, size > BIG or not 0 <= made <= _MANY


def _object(body: bytes) -> dict[str, Any]:
    if body.startswith(codecs.BOM_UTF8):
        # As .NET and PowerShell write it; RFC 8259 lets a parser ignore it.
        body = body[len(codecs.BOM_UTF8) :]
    try:
        request = decoded(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = Sentence("The body is not valid JSON: {cause}", code="invalid_json", cause=str(error))
        raise ClaudeError(400, message, code="invalid_json") from error
    except (RecursionError, TooDeep) as error:
        raise _too_deep() from error
    if not isinstance(request, dict):
        raise ClaudeError(400, Sentence("The body must be a JSON object.", code="body_not_object"), code="invalid_json")
    # Each level takes at least two bytes, so the shortest bodies need no walk.
    if len(body) > 2 * MAX_JSON_DEPTH and is_deeper(request, MAX_JSON_DEPTH):
        raise _too_deep()
    return request


def _agent_object(body: bytes) -> Read | None:
    """The object of a body of an agent's size that needs no walk through it to know its depth; None for any other."""
    if len(body) > BIG or MAX_JSON_DEPTH < SHALLOW:
        return None
    try:
        read = _known_lists.read(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return read if isinstance(read.value, dict) else None


def checked(request: dict[str, Any], tagged: bool = False) -> dict[str, Any]:
    """Returns a request that a provider could answer, without the subagent tags that it has. Raises ClaudeError 400."""
    check(request)
    return without_subagent_tags(request) if tagged else request


def check(request: Mapping[str, Any], *, counting: bool = False) -> None:
    """Refuses what no provider could answer. Raises ClaudeError 400 that names the field, as the API itself does."""
    # Values have exactly these types, and to ask for one of them takes half as long as isinstance().
    model = request.get("model")
    if type(model) is not str or not model:
        raise _invalid("model: Field required, the name of a model as a string", code="model_missing")
    if not counting:
        _check_output(request)
    _check_messages(request.get("messages"))
    system = request.get("system")
    if system is not None and type(system) is not str:
        _check_blocks(system, "system")
    tools = request.get("tools")
    if tools is not None and (type(tools) is not list or not all(isinstance(tool, dict) for tool in tools)):
        raise _invalid("tools: Input should be a list of objects", code="tools_invalid")


def _check_output(request: Mapping[str, Any]) -> None:
    max_tokens = request.get("max_tokens")
    if max_tokens is None:
        raise _invalid("max_tokens: Field required", code="max_tokens_missing")
    if type(max_tokens) is not int or max_tokens < 0:
        raise _invalid("max_tokens: Input should be a whole number, 0 or more", code="max_tokens_invalid")
    if type(request.get("stream", False)) is not bool:
        raise _invalid("stream: Input should be true or false", code="stream_invalid")


def _check_messages(messages: Any) -> None:
    if messages is None:
        raise _invalid("messages: Field required", code="messages_missing")
    if type(messages) is not list:
        raise _invalid("messages: Input should be a list", code="messages_invalid")
    if not messages:
        raise _invalid("messages: at least one message is required", code="messages_empty")
    for number, message in enumerate(messages):
        if type(message) is not KnownItem:
            _check_message(message, number)


def _check_message(message: Any, number: int) -> None:
    if type(message) is not dict:
        raise _invalid("{where}: Input should be an object", f"messages.{number}", code="message_invalid")
    role = message.get("role")
    if type(role) is not str or role not in _ROLES:
        raise _invalid(
            "{where}.role: Input should be 'user', 'assistant' or 'system'", f"messages.{number}", code="role_invalid"
        )
    if "content" not in message:
        raise _invalid("{where}.content: Field required", f"messages.{number}", code="content_missing")
    content = message["content"]
    if type(content) is not str:
        _check_blocks(content, f"messages.{number}.content")


def _check_blocks(content: Any, where: str) -> None:
    """Refuses content that is no text, unless it is a list of blocks."""
    if type(content) is not list:
        raise _invalid("{where}: Input should be a string or a list of blocks", where, code="content_invalid")
    for number, block in enumerate(content):
        if type(block) is not dict or type(block.get("type")) is not str:
            raise _invalid("{where}: Input should be an object with a type", f"{where}.{number}", code="block_invalid")


def _is_valid(name: str, item: dict[str, Any]) -> bool:
    try:
        if name == "messages":
            _check_message(item, 0)
    except ClaudeError:
        return False
    return True


_known_lists = KnownLists(_is_valid)


def _invalid(template: LiteralString, where: str = "", *, code: LiteralString) -> ClaudeError:
    return ClaudeError(400, Sentence(template, code=code, where=where), code="invalid_request")


def _too_deep() -> ClaudeError:
    message = Sentence("The body nests deeper than {most} levels.", code="too_deep", most=MAX_JSON_DEPTH)
    return ClaudeError(400, message, code="too_deep")


def _too_many() -> ClaudeError:
    message = Sentence(
        "The body holds more than {most} JSON values. Send fewer or shorter messages and tools.",
        code="too_many_values",
        most=MAX_JSON_VALUES,
    )
    return ClaudeError(400, message, code="too_many_values")


def _too_large(limit: int) -> ClaudeError:
    message = Sentence(
        "The body is larger than {limit} bytes. Send less, or ask for a higher MAX_BODY_BYTES.",
        code="too_large",
        limit=limit,
    )
    return ClaudeError(413, message, code="too_large")

"""A request's body: read within its limit, parsed, and checked just enough that nothing below meets a surprise.

Unknown fields pass; a required field that is missing or wrong is named in the error.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any, LiteralString

import msgspec
from django.conf import settings

from streaming.exchange.client import Receive
from streaming.ingress import compression
from streaming.ingress.claude.errors import ClaudeError
from usage.sentence import Sentence

_ROLES = frozenset({"user", "assistant", "system"})


class ClientGone(Exception):
    """The client left before its request was complete."""


async def read_body(receive: Receive, headers: Mapping[str, str]) -> bytes:
    """Returns the complete body. Raises ClaudeError 413 as soon as it is known to be too large, or ClientGone; for a
    compressed body 415 where its compression is unknown here and 400 where it is broken."""
    encoding = headers.get("content-encoding")
    if encoding is None:
        return await _read(receive, headers)
    try:
        coding = compression.coding(encoding)
        body = await _read(receive, headers)
        return body if coding is None else await compression.decompressed(body, coding, settings.MAX_BODY_BYTES)
    except compression.UnknownCompression as error:
        raise ClaudeError(
            415,
            f"The content-encoding {encoding[:100]!r} is not supported. "
            f"Send the body uncompressed, or as one of {compression.SUPPORTED}.",
            [(b"accept-encoding", compression.SUPPORTED.encode())],
            code="unknown_compression",
            why=Sentence("The body's content-encoding is not supported."),
        ) from error
    except compression.BrokenCompression as error:
        raise ClaudeError(
            400,
            f"The body is not whole, or not {encoding[:100]!r} as its content-encoding says.",
            code="invalid_body",
            why=Sentence("The body is not whole, or not compressed as its content-encoding says."),
        ) from error
    except compression.TooMuch as error:
        raise _too_large(settings.MAX_BODY_BYTES) from error


async def _read(receive: Receive, headers: Mapping[str, str]) -> bytes:
    limit: int = settings.MAX_BODY_BYTES
    announced = headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body"):
        if len(body) > limit:
            raise _too_large(limit)
        return body
    parts = [body]
    size = len(body)
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()
        part: bytes = message.get("body", b"")
        parts.append(part)
        size += len(part)


def parse(body: bytes) -> dict[str, Any]:
    """Returns the JSON object of a body. Raises ClaudeError 400."""
    if body.startswith(codecs.BOM_UTF8):
        # As .NET and PowerShell write it; RFC 8259 lets a parser ignore it.
        body = body[len(codecs.BOM_UTF8) :]
    try:
        request = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = Sentence("The body is not valid JSON: {cause}", cause=str(error))
        raise ClaudeError(400, message, code="invalid_json") from error
    except RecursionError as error:
        raise _too_deep() from error
    if not isinstance(request, dict):
        raise ClaudeError(400, Sentence("The body must be a JSON object."), code="invalid_json")
    # Each level takes at least two bytes, so the shortest bodies need no walk.
    if len(body) > 2 * settings.MAX_JSON_DEPTH and _deeper_than(request, settings.MAX_JSON_DEPTH):
        raise _too_deep()
    return request


def check(request: Mapping[str, Any], *, counting: bool = False) -> None:
    """Refuses what no provider could answer. Raises ClaudeError 400 that names the field, as the API itself does."""
    model = request.get("model")
    if not isinstance(model, str) or not model:
        raise _invalid("model: Field required, the name of a model as a string")
    if not counting:
        _check_output(request)
    _check_messages(request.get("messages"))
    _check_content(request.get("system", ""), "system")
    tools = request.get("tools")
    if tools is not None and (not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools)):
        raise _invalid("tools: Input should be a list of objects")


def _check_output(request: Mapping[str, Any]) -> None:
    max_tokens = request.get("max_tokens")
    if max_tokens is None:
        raise _invalid("max_tokens: Field required")
    if not isinstance(max_tokens, int) or isinstance(max_tokens, bool) or max_tokens < 0:
        raise _invalid("max_tokens: Input should be a whole number, 0 or more")
    if not isinstance(request.get("stream", False), bool):
        raise _invalid("stream: Input should be true or false")


def _check_messages(messages: Any) -> None:
    if messages is None:
        raise _invalid("messages: Field required")
    if not isinstance(messages, list):
        raise _invalid("messages: Input should be a list")
    if not messages:
        raise _invalid("messages: at least one message is required")
    for number, message in enumerate(messages):
        _check_message(message, number)


def _check_message(message: Any, number: int) -> None:
    if not isinstance(message, dict):
        raise _invalid("{where}: Input should be an object", f"messages.{number}")
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise _invalid("{where}.role: Input should be 'user', 'assistant' or 'system'", f"messages.{number}")
    if "content" not in message:
        raise _invalid("{where}.content: Field required", f"messages.{number}")
    _check_content(message["content"], f"messages.{number}.content")


def _check_content(content: Any, where: str) -> None:
    if isinstance(content, str) or (content is None and where == "system"):
        return
    if not isinstance(content, list):
        raise _invalid("{where}: Input should be a string or a list of blocks", where)
    for number, block in enumerate(content):
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            raise _invalid("{where}: Input should be an object with a type", f"{where}.{number}")


def _deeper_than(value: Any, limit: int) -> bool:
    """Whether containers nest deeper than `limit`; goes level by level, so that no depth overflows the stack."""
    level = [value]
    for _ in range(limit):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def _invalid(template: LiteralString, where: str = "") -> ClaudeError:
    return ClaudeError(400, Sentence(template, where=where), code="invalid_request")


def _too_deep() -> ClaudeError:
    message = Sentence("The body nests deeper than {most} levels.", most=settings.MAX_JSON_DEPTH)
    return ClaudeError(400, message, code="too_deep")


def _too_large(limit: int) -> ClaudeError:
    message = Sentence(
        "The body is larger than {limit} bytes. Send less, or ask for a higher MAX_BODY_BYTES.", limit=limit
    )
    return ClaudeError(413, message, code="too_large")

"""The JSON text of a tool call's arguments while it comes: what of it goes out, and whether it is one JSON object.

A good text passes as it is. Put right without holding anything back, as providers were seen to send it:

* `{}` before the real arguments (Gemini, https://github.com/microsoft/autogen/pull/7549, 2026-04-07; Bedrock,
  https://github.com/openai/openai-agents-js/pull/712, 2025-12-01): an empty object waits for what follows;
* the same object twice (Mistral, https://github.com/64bit/async-openai/pull/329, 2025-02-04; Cursor's models,
  https://github.com/lidge-jun/opencodex/issues/361, 2026-07-23): once; another object is another call
  (SGLang, https://github.com/sgl-project/sglang/issues/39782);
* braces that are missing at the end, text after the object, line breaks inside strings, an object inside a string.

What else is no object stays none: guessing is for the transform `enhancetool`.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from providers.framing.text import read_text

# Up to the string's end, a line break or another control character, or a backslash that is the last character.
_STRING = re.compile(r'[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*', re.DOTALL)
_STRUCTURE = re.compile(r'["{}\[\]]')
_CLOSING = {"{": "}", "[": "]"}


class NoObject(ValueError):
    """The arguments of a complete call are no JSON object."""


class ArgumentText:
    """One call's arguments. `size`: characters so far; `is_repaired`: what went out is not what came."""

    __slots__ = (
        "_closers", "_in_string", "_is_broken", "_is_empty", "_is_escaped", "_is_over", "_lead", "_owed", "_rest",
        "_sent", "is_repaired", "size",
    )  # fmt: skip

    def __init__(self) -> None:
        self._lead: list[str] = []  # what came before the object's brace
        self._sent: list[str] = []
        self._owed = ""  # of an empty object, what was not sent
        self._rest: list[str] = []  # what came after the object
        self._closers: list[str] = []
        self._in_string = self._is_escaped = self._is_broken = False
        self._is_over = self._is_empty = False
        self.is_repaired = False
        self.size = 0

    def feed(self, piece: str) -> str:
        """Returns what goes out now."""
        self.size += len(piece)
        if self._is_over:
            return self._after(piece)
        if not self._closers:
            begin = piece.lstrip()
            if begin[:1] != "{" or (self._lead and "".join(self._lead).strip() not in {"", "null", '""'}):
                self._lead.append(piece)
                return ""
            lead = "".join(self._lead)
            self._lead.clear()
            if lead.strip():
                self.is_repaired = True
            else:
                piece = lead + piece
        return self._within(piece)

    def is_complete(self) -> bool:
        """Whether an object is complete, be it an empty one."""
        return self._is_over

    def has_object(self) -> bool:
        """Whether an object with members is complete, so that no more is expected."""
        return self._is_over and not self._is_empty

    def is_blank(self) -> bool:
        """Whether there are no arguments so far: no text, null, or an empty object."""
        return self._is_empty or not (self._closers or self._is_over or "".join(self._lead).strip() not in {"", "null"})

    def may_end(self) -> bool:
        """Whether the call may end here, whatever the reason of the end."""
        return self._is_over or self.is_blank()

    def finish(self, *, cut: bool) -> tuple[str, list[str]]:
        """Returns what is still to be sent, and further objects that came under the same call.

        Raises NoObject; an answer that was `cut` ends with whatever came.
        """
        try:
            return self._finished(cut=cut)
        except NoObject:
            if cut:
                return self._owed + "".join(self._lead), []
            raise

    def _finished(self, *, cut: bool) -> tuple[str, list[str]]:
        if self.is_blank():
            return self._owed, []
        if not (self._closers or self._is_over):
            self.is_repaired = True
            return _unwrapped("".join(self._lead)), []
        sent = "".join(self._sent)
        if self._is_over:
            first = _object(sent)
            return "", self._others(first)
        closing = "".join(reversed(self._closers))
        if cut or self._in_string or self._is_broken:
            raise NoObject
        _object(sent + closing)
        self.is_repaired = True
        return closing, []

    def _within(self, piece: str) -> str:
        """A piece of the object, up to its end."""
        at, end, copied = 0, len(piece), 0
        fixed: list[str] = []
        if self._is_escaped:
            at, self._is_escaped = 1, False
        while at < end and not self._is_broken:
            if not self._in_string:
                at = self._next_structure(piece, at)
                if self._is_over:
                    break
                continue
            at = _end_of_string(piece, at)
            if at == end:
                break
            character = piece[at]
            if character == '"':
                self._in_string = False
            elif character == "\\":
                self._is_escaped = True
            else:
                fixed += (piece[copied:at], json.dumps(character)[1:-1])
                copied = at + 1
            at += 1
        if not self._is_over:
            at = end
        text = piece[copied:at]
        if fixed:
            self.is_repaired = True
            text = "".join((*fixed, text))
        return self._passed(text, piece[at:])

    def _next_structure(self, piece: str, at: int) -> int:
        """The place after the next quote or bracket."""
        found = _STRUCTURE.search(piece, at)
        if found is None:
            return len(piece)
        character = found[0]
        if character == '"':
            self._in_string = True
        elif character in _CLOSING:
            self._closers.append(_CLOSING[character])
        elif self._closers[-1] != character:
            self._is_broken = True
        else:
            self._closers.pop()
            self._is_over = not self._closers
        return found.end()

    def _passed(self, text: str, rest: str) -> str:
        if self._is_over and text.endswith("}") and len(self._sent) < 4:
            before = "".join(self._sent)
            if "".join((before + text).split()) == "{}":
                self._is_empty = True
                text, self._owed = ("", text) if not before.strip() else (text[:-1], "}")
        self._sent.append(text)
        return text + self._after(rest) if rest else text

    def _after(self, piece: str) -> str:
        begin = piece.lstrip()
        if not begin and not self._rest:
            if self._is_empty:
                self._owed += piece
                return ""
            return piece
        if self._rest or not (self._is_empty and begin[0] == "{"):
            self._rest.append(piece)
            return ""
        self._is_over = self._is_empty = False
        self._owed = ""
        self.is_repaired = True
        if "{" in "".join(self._sent):
            self._closers.append("}")
            begin = begin[1:]
        else:
            self._sent.clear()
        return self._within(begin)

    def _others(self, first: dict[str, Any]) -> list[str]:
        """The objects after the first one that are not the same again."""
        rest = "".join(self._rest).lstrip()
        values, texts = [first], []
        self.is_repaired = self.is_repaired or bool(rest)
        while rest.startswith("{"):
            try:
                value, end = json.JSONDecoder().raw_decode(rest)
            except (ValueError, RecursionError) as error:
                raise NoObject from error
            if value and value not in values:
                values.append(value)
                texts.append(rest[:end])
            rest = rest[end:].lstrip()
        return texts


def _end_of_string(piece: str, at: int) -> int:
    found = _STRING.match(piece, at)
    return at if found is None else found.end()


def object_text(value: Any) -> str | None:
    """The JSON text of arguments that came as a value: an object, the text of one, a list of one; None for others."""
    if isinstance(value, str):
        if value.strip() in {"", "null"}:
            return "{}"
        try:
            value = json.loads(value, strict=False)
        except (ValueError, RecursionError):
            return None
        if isinstance(value, str):
            return object_text(value)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return json.dumps(value, separators=(",", ":")) if isinstance(value, dict) else None


def _unwrapped(text: str) -> str:
    found = object_text(text)
    if found is None:
        raise NoObject
    return found


def _object(text: str) -> dict[str, Any]:
    """The object in a text. Raises NoObject."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        value = read_text(text)  # lone surrogates
    if not isinstance(value, dict):
        raise NoObject
    return value

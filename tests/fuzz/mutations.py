"""Damage done to recorded upstream bodies: bytes flipped, cut, repeated and spliced, JSON with wrong types in it."""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

from tests.fuzz.unusual import UNUSUAL

FRAME_ENDS = {"sse": b"\n\n", "ndjson": b"\n", "json": b"\n"}
_WRONG: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 10**30, "", "x", "\ud83d", "\u2028", "a\nb", [], {}, [[]], [None], {"type": 1}, {"a": {}},
)  # fmt: skip
_JSON = re.compile(rb"^((?:data:)?\s*)([\[{].*)$", re.DOTALL)


def mutated(body: bytes, other: bytes, ending: str, random: Random) -> bytes:
    """`body` after one to four kinds of damage; `other` is a body that pieces are taken from."""
    for _ in range(random.randint(1, 4)):
        body = random.choice(_DAMAGES)(body, other, FRAME_ENDS[ending], random)
    return body


def unusual(body: bytes, ending: str, random: Random) -> bytes:
    """`body` after one to three things that providers were seen to do."""
    for _ in range(random.randint(1, 3)):
        body = random.choice(UNUSUAL)(body, FRAME_ENDS[ending], random)
    return body


def pieces_of(body: bytes, random: Random) -> list[bytes]:
    """The body as it might arrive: whole, or in pieces of very different sizes."""
    if random.random() < 0.3:
        return [body]
    pieces, at, largest = [], 0, random.choice((1, 7, 60, 700))
    while at < len(body):
        size = random.randint(1, largest)
        pieces.append(body[at : at + size])
        at += size
    return pieces


def _flip(body: bytes, other: bytes, end: bytes, random: Random) -> bytes:
    changed = bytearray(body)
    for _ in range(random.randint(1, 8)):
        if changed:
            changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def _cut(body: bytes, other: bytes, end: bytes, random: Random) -> bytes:
    start = random.randint(0, len(body))
    return body[:start] + body[random.randint(start, len(body)) :]


def _end(body: bytes, other: bytes, end: bytes, random: Random) -> bytes:
    return body[: random.randint(0, len(body))]


def _splice(body: bytes, other: bytes, end: bytes, random: Random) -> bytes:
    at, start = random.randint(0, len(body)), random.randint(0, len(other))
    return body[:at] + other[start : random.randint(start, len(other))] + body[at:]


def _frames(body: bytes, other: bytes, end: bytes, random: Random) -> bytes:
    """Whole frames repeated, dropped, swapped, or taken from the other body."""
    frames = body.split(end)
    match random.randrange(4):
        case 0:
            frames.insert(random.randint(0, len(frames)), random.choice(frames))
        case 1:
            frames.pop(random.randrange(len(frames)))
        case 2:
            random.shuffle(frames)
        case _:
            frames.insert(random.randint(0, len(frames)), random.choice(other.split(end)))
    return end.join(frames)


def _types(body: bytes, other: bytes, end: bytes, random: Random) -> bytes:
    """A wrong value at a random place of the JSON of a random frame."""
    frames = body.split(end)
    at = random.randrange(len(frames))
    lines = frames[at].split(b"\n")
    for number, line in enumerate(lines):
        match = _JSON.match(line)
        if match is None:
            continue
        try:
            value = json.loads(match[2])
        except ValueError:
            continue
        lines[number] = match[1] + json.dumps(_with_wrong(value, random)).encode()
    frames[at] = b"\n".join(lines)
    return end.join(frames)


def _with_wrong(value: Any, random: Random) -> Any:
    if not isinstance(value, dict | list) or not value or random.random() < 0.15:
        return random.choice(_WRONG)
    if isinstance(value, list):
        at = random.randrange(len(value))
        return [*value[:at], _with_wrong(value[at], random), *value[at + 1 :]]
    name = random.choice(list(value))
    if random.random() < 0.2:
        return {key: inner for key, inner in value.items() if key != name}
    return {**value, name: _with_wrong(value[name], random)}


_DAMAGES = (_flip, _cut, _end, _splice, _frames, _types, _types, _types)

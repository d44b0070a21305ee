"""What providers were seen to do to a good answer: blocks that overlap, text that is none, content and errors in
unusual places, arguments that are no object. Each keeps the body near a real one, where blind damage seldom gets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random

_ARGUMENTS = re.compile(rb'("(?:partial_json|arguments|delta)"\s*:\s*)"((?:[^"\\]|\\.)*)"')
_TEXT = re.compile(rb'("(?:text|content|thinking|partial_json|arguments|delta|reasoning)"\s*:\s*")((?:[^"\\]|\\.)+)"')
_INDEX = re.compile(rb'("(?:index|output_index)"\s*:\s*)(\d+)')
_PIECES = (rb"\ud83d", rb"\ude00", rb"\udc80", b"\xe4\xbd", b"\xa0", b"\xf0\x9f", b"\xff", rb"\u00e9")
_OTHER_TEXTS = ("{}", "null", '{}{"a":1}', '{"a":1}{"a":1}', '{"a":1}{"b":2}', '{"a":', '"{}"', "[{}]", "}", '{"a":"\n')


def overlapped(body: bytes, end: bytes, random: Random) -> bytes:
    """Frames that move forwards or backwards by a few places, or get the index of another block."""
    frames = body.split(end)
    for _ in range(random.randint(1, 6)):
        at = random.randrange(len(frames))
        if random.random() < 0.5:
            frame = frames.pop(at)
            frames.insert(max(0, min(len(frames), at + random.randint(-3, 3))), frame)
        else:
            frames[at] = _INDEX.sub(rb"\g<1>%d" % random.randint(0, 3), frames[at], count=1)
    return end.join(frames)


def uncleaned(body: bytes, end: bytes, random: Random) -> bytes:
    """Halves of characters, escaped or as bytes, inside and at the ends of texts."""

    def damaged(found: re.Match[bytes]) -> bytes:
        if random.random() < 0.6:
            return found[0]
        text, piece = found[2], random.choice(_PIECES)
        return found[1] + random.choice((piece + text, text + piece)) + b'"'

    return _TEXT.sub(damaged, body)


def displaced(body: bytes, end: bytes, random: Random) -> bytes:
    """Errors beside the data fields, lines without their field, an end or content in the first or the last event."""
    frames = body.split(end)
    at = random.randrange(len(frames))
    match random.randrange(5):
        case 0:
            frames.insert(at, b'error: {"code":500,"message":"m"}')
        case 1:
            frames.insert(at, b'event: error\ndata: {"message":"m"}')
        case 2:
            frames[at] = frames[at].replace(b"data: ", b"")
        case 3:
            block = b'{"type":"tool_use","id":"toolu_given","name":"f","input":{"a":1}}'
            frames = [frame.replace(b'"content":[]', b'"content":[' + block + b"]") for frame in frames]
            if random.random() < 0.5:
                frames = [frame for frame in frames if b"content_block" not in frame and b"message_delta" not in frame]
            frames = [frame.replace(b'"stop_reason":null', b'"stop_reason":"tool_use"') for frame in frames]
        case _:
            frames = [re.sub(rb'"(?:delta|finish_reason|finishReason|done_reason)":', b'"moved":', f) for f in frames]
    return end.join(frames)


def no_objects(body: bytes, end: bytes, random: Random) -> bytes:
    """Arguments that are missing a part, come twice, or are something else."""

    def damaged(found: re.Match[bytes]) -> bytes:
        chance, text = random.random(), found[2]
        if chance < 0.5:
            return found[0]
        if chance < 0.7:
            return found[1] + b'"' + text[: random.randint(0, len(text))].rstrip(b"\\") + b'"'
        return found[1] + json.dumps(random.choice(_OTHER_TEXTS)).encode()

    return _ARGUMENTS.sub(damaged, body)


UNUSUAL: tuple[Callable[[bytes, bytes, Random], bytes], ...] = (overlapped, uncleaned, displaced, no_objects)

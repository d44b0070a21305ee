"""The bytes of the mock upstream's answers, in two wire formats, and the marker in a prompt that shapes an answer.

Every chunk of text carries the moment it was made and the time the mock waited by intention, so that the load generator
can tell the gateway's delay from the mock's: `@` and 16 digits, `~` and 8 digits, both microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import msgspec

_MARKER = re.compile(rb"\[\[answer ([a-z0-9= ]*)\]\]")
_SETTING = re.compile(rb"([a-z]+)=(\d+)")
_STAMP = len("@0123456789012345~01234567")
_FILLER = b" and the light of the sun is scattered by the air" * 400


class Shape(msgspec.Struct, frozen=True):
    """What an answer is like: `chunks` of `size` characters, `first` ms before and `gap` ms between them.

    `together` is how many chunks go out in one write: 1 for a system call each, 0 for as many as fit.
    """

    chunks: int = 20
    size: int = 32
    first: int = 0
    gap: int = 0
    together: int = 1

    @property
    def marker(self) -> str:
        """The marker that asks for this shape; put it at the end of a prompt."""
        return f"[[answer {' '.join(f'{name}={getattr(self, name)}' for name in self.__struct_fields__)}]]"


def shape_of(body: bytes | bytearray) -> Shape:
    """The shape that a request asks for, or the default one."""
    at = body.rfind(b"[[answer ")
    found = _MARKER.match(body, at) if at >= 0 else None
    return _shape(found[1]) if found is not None else Shape()


@cache
def _shape(settings: bytes) -> Shape:
    return Shape(**{name.decode(): int(value) for name, value in _SETTING.findall(settings)})


class Format(msgspec.Struct, frozen=True):
    """One wire format, already cut into HTTP chunks: what comes before the text, around each piece of it, and after."""

    head: bytes
    before: bytes
    after: bytes
    tail: Callable[[int], bytes]
    whole: Callable[[str, int], bytes]

    def chunk(self, size: int) -> tuple[bytes, bytes]:
        """What stands before and behind the two stamps of a chunk of `size` characters."""
        filler = _FILLER[: max(0, size - _STAMP)]
        length = len(self.before) + _STAMP + len(filler) + len(self.after)
        return b"%x\r\n%b" % (length, self.before), b"%b%b\r\n" % (filler, self.after)


def stamps(now: int, waited: int) -> bytes:
    """Both stamps, in microseconds."""
    return b"@%016d~%08d" % (now, waited)


def json_response(status: int, body: bytes) -> bytes:
    """A whole HTTP response."""
    return b"HTTP/1.1 %d OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        status,
        len(body),
        body,
    )


def _framed(event: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(event), event)


_HEADERS = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
    b"x-request-id: req_mock\r\ntransfer-encoding: chunked\r\n\r\n"
)
_END = b"0\r\n\r\n"

# --- OpenAI chat completions ------------------------------------------------------------------------------------------
_COMPLETION = (
    b'data: {"id":"chatcmpl-mock","object":"chat.completion.chunk","created":1700000000,"model":"mock",'
    b'"system_fingerprint":"fp_mock","choices":'
)


def _openai_tail(chunks: int) -> bytes:
    usage = b'{"prompt_tokens":42,"completion_tokens":%d,"total_tokens":%d}' % (chunks, chunks + 42)
    return (
        _framed(_COMPLETION + b'[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}\n\n')
        + _framed(_COMPLETION + b'[],"usage":' + usage + b"}\n\n")
        + _framed(b"data: [DONE]\n\n")
        + _END
    )


def _openai_whole(text: str, chunks: int) -> bytes:
    message = {"role": "assistant", "content": text}
    return msgspec.json.encode(
        {
            "id": "chatcmpl-mock",
            "object": "chat.completion",
            "created": 1700000000,
            "model": "mock",
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 42, "completion_tokens": chunks, "total_tokens": chunks + 42},
        }
    )


OPENAI = Format(
    head=_HEADERS
    + _framed(
        _COMPLETION
        + b'[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}\n\n'
    ),
    before=_COMPLETION + b'[{"index":0,"delta":{"content":"',
    after=b'"},"logprobs":null,"finish_reason":null}]}\n\n',
    tail=_openai_tail,
    whole=_openai_whole,
)


# --- Claude messages --------------------------------------------------------------------------------------------------
def _event(kind: bytes, fields: bytes) -> bytes:
    return b'event: %b\ndata: {"type":"%b"%b}\n\n' % (kind, kind, fields)


def _claude_tail(chunks: int) -> bytes:
    delta = b',"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":%d}' % chunks
    return (
        _framed(_event(b"content_block_stop", b',"index":0'))
        + _framed(_event(b"message_delta", delta))
        + _framed(_event(b"message_stop", b""))
        + _END
    )


def _claude_whole(text: str, chunks: int) -> bytes:
    return msgspec.json.encode(
        {
            "id": "msg_mock",
            "type": "message",
            "role": "assistant",
            "model": "mock",
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 42, "output_tokens": chunks},
        }
    )


CLAUDE = Format(
    head=_HEADERS
    + _framed(
        _event(
            b"message_start",
            b',"message":{"id":"msg_mock","type":"message","role":"assistant","model":"mock","content":[],'
            b'"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":42,"output_tokens":1}}',
        )
    )
    + _framed(_event(b"content_block_start", b',"index":0,"content_block":{"type":"text","text":""}'))
    + _framed(_event(b"ping", b"")),
    before=b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"',
    after=b'"}}\n\n',
    tail=_claude_tail,
    whole=_claude_whole,
)

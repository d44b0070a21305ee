"""What is counted: four requests and what the upstream answers to each, cut into the same reads every time."""

from __future__ import annotations

import msgspec

from benchmarks import answers, bodies

_CHUNKS = 20
_MANY = 2_000
_SIZE = 32
_NOW = 1_234_567_890


class Workload(msgspec.Struct, frozen=True):
    """A request, and its answer as the payloads that arrive one after the other.

    `warm` requests go before the `counted` ones; the figure is per request, or per chunk where there are many.
    """

    key: str
    what: str
    stream: bool
    large: bool
    chunks: int
    reads: tuple[bytes, ...]
    warm: int
    counted: int
    by_chunk: bool = False

    def body(self, model: str) -> bytes:
        """The client's request."""
        write = bodies.coding_agent if self.large else bodies.short
        return write(model, "", stream=self.stream)


def _stream(chunks: int) -> list[bytes]:
    """An answer's payloads, one a chunk: the first brings what comes before the text, one after the last ends it."""
    wire = answers.OPENAI
    chunk = wire.before + answers.stamps(_NOW, 0) + b"." * (_SIZE - 26) + wire.after
    head = _unframed(wire.head.partition(b"\r\n\r\n")[2])
    return [head + chunk, *[chunk] * (chunks - 1), _unframed(wire.tail(chunks))]


def _unframed(data: bytes) -> bytes:
    """The payload of HTTP chunks."""
    payload = b""
    while data and not data.startswith(b"0\r\n"):
        size, _, rest = data.partition(b"\r\n")
        payload, data = payload + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return payload


def _cut(payloads: list[bytes], parts: int) -> tuple[bytes, ...]:
    """The same bytes in so many reads of one length, which end wherever they end."""
    whole = b"".join(payloads)
    length = -(-len(whole) // parts)
    return tuple(whole[at : at + length] for at in range(0, len(whole), length))


W1 = Workload("W1", "short JSON answer, in one read", False, False, 1, _cut(_stream(1), 1), warm=40, counted=40)
W2 = Workload(
    "W2", "stream of 20 chunks, each in a read", True, False, _CHUNKS, tuple(_stream(_CHUNKS)), warm=30, counted=20
)
W3 = Workload(
    "W3",
    "chunk of a stream of 2,000, in 8 reads",
    True,
    False,
    _MANY,
    _cut(_stream(_MANY), 8),
    warm=3,
    counted=2,
    by_chunk=True,
)
W5 = Workload(
    "W5", "200 KB request, 20 chunks in one read", True, True, _CHUNKS, _cut(_stream(_CHUNKS), 1), warm=6, counted=10
)
B1 = msgspec.structs.replace(W1, key="B1", what="W1 of a key whose budget has money left")
B2 = msgspec.structs.replace(W2, key="B2", what="W2 of such a key")
APP = (W1, W2, W3, W5)
BUDGET = (B1, B2)
WHOLE = (W1, W2)

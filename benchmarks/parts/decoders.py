"""What each dialect costs without a socket: a chunk of text and one of tool arguments to events, a request of 200 KB.

The upstream's side comes from the tests' speakers, so a new dialect is measured as soon as it is tested.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from statistics import median

import msgspec

from benchmarks import bodies
from benchmarks.workloads import Figure
from providers.config import ModelConfig, ProviderConfig, Secret
from providers.dialects import DIALECTS
from providers.dialects.contract import Call, Decoder
from providers.platforms import PLATFORMS
from tests.harness.speakers import SPEAKERS
from tests.harness.speakers.parts import call
from tests.platforms import eventstream

BAR = 20.0
_CHUNKS = 2_000
_ROUNDS = 7
_MODEL = ModelConfig(id=1, provider_id=1, name="a-model", context_window=1_000_000)


def measure() -> list[Figure]:
    """The table over all dialects; medians over a few rounds."""
    figures = []
    for dialect in DIALECTS:
        text = SPEAKERS[dialect].more(" light")
        for how, together in (("lone", 1), ("100 at once", 100)):
            what = f"bytes to event, text, {how}"
            figures.append(_chunks(f"decode {dialect}, {how}", what, _opened(dialect), text, together))
        start, piece = _arguments(dialect)
        figures.append(_chunks(f"decode {dialect}, tool", "bytes to event, tool arguments", start, piece, 1))
    figures.append(_framed())
    return figures + [_request(dialect) for dialect in DIALECTS]


def _call(dialect: str, platform: str = "") -> Call:
    provider = ProviderConfig(1, "mock", dialect, "http://127.0.0.1/v1", platform=platform)
    body = msgspec.json.decode(bodies.coding_agent("a-model", "0", stream=True))
    return Call(body=body, model=_MODEL, provider=provider, secret=Secret("secret"), input_estimate=50_000)


def _decoder(dialect: str) -> Decoder:
    return DIALECTS[dialect].decoder(SPEAKERS[dialect].content_type, _call(dialect))


def _opened(dialect: str) -> Callable[[], Decoder]:
    """Makes decoders that have read the beginning of an answer."""

    def made() -> Decoder:
        decoder = _decoder(dialect)
        decoder.feed(SPEAKERS[dialect].opening("It"))
        return decoder

    return made


def _arguments(dialect: str) -> tuple[Callable[[], Decoder], bytes]:
    """Makes decoders in the middle of a call, and a chunk that goes on with it: a whole call where calls come whole."""
    mark = "~" * 9
    body = b"\0".join(SPEAKERS[dialect].whole([call("Write", '{"text": "', mark, '"}', id="call_1")]))
    events = body.replace(b"\0", b"").split(b"\n\n" if b"\n\n" in body else b"\n")
    end = b"\n\n" if b"\n\n" in body else b"\n"
    at = next(number for number, event in enumerate(events) if mark.encode() in event)

    def made() -> Decoder:
        decoder = _decoder(dialect)
        decoder.feed(b"".join(event + end for event in events[:at]))
        return decoder

    return made, events[at] + end


def _framed() -> Figure:
    """Claude's events in Bedrock's binary frames."""
    speaker, platform, asked = SPEAKERS["anthropic"], PLATFORMS["bedrock"], _call("anthropic", "bedrock")

    def made() -> Decoder:
        decoder = platform.decoder(eventstream.TYPE, DIALECTS["anthropic"].decoder("text/event-stream", asked))
        decoder.feed(b"".join(eventstream.chunks(speaker.opening("It"))))
        return decoder

    (piece,) = eventstream.chunks(speaker.more(" light"))
    return _chunks("decode bedrock, lone", "bytes to event, text in Bedrock's frames", made, piece, 1)


def _request(dialect: str) -> Figure:
    asked = _call(dialect)
    rounds = []
    for _ in range(_ROUNDS):
        began = _clock()
        for _ in range(10):
            DIALECTS[dialect].request(asked)
        rounds.append((time.process_time() - began) * 1e3 / 10)
    return Figure(f"request {dialect}", "a request of 200 KB into the provider's", median(rounds), "ms", rounds=rounds)


def _chunks(key: str, what: str, made: Callable[[], Decoder], piece: bytes, together: int) -> Figure:
    rounds = []
    data = piece * together
    for _ in range(_ROUNDS):
        feed = made().feed
        began = _clock()
        for _ in range(_CHUNKS // together):
            feed(data)
        rounds.append((time.process_time() - began) * 1e6 / _CHUNKS)
    return Figure(key, what, median(rounds), "µs", bar=BAR, rounds=rounds)


def _clock() -> float:
    gc.collect()
    return time.process_time()

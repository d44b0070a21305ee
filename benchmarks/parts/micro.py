"""Single parts in a loop, as a program of its own: decoders, encoder, routing, health, journal. Prints JSON figures.

No socket and no event loop: what is left of a chunk's cost in the workloads is the price of those.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import msgspec

from benchmarks import answers
from benchmarks.parts import decoders, routing
from benchmarks.workloads import Figure
from providers.config import CredentialConfig, ModelConfig, ProviderConfig, Secret
from providers.dialects import DIALECTS
from providers.dialects.contract import Call
from providers.events import Event
from routing.health import Health
from routing.snapshot import CandidateConfig
from streaming.encoding.encoder import Encoder
from streaming.ingress.claude.frames import SseSink
from usage.journal.account import Account, new_identity
from usage.journal.journal import Journal
from usage.journal.records import RequestRecord

_CHUNKS = 2_000
_ROUNDS = 7
_FORMATS = {"openai_chat": answers.OPENAI, "anthropic": answers.CLAUDE}
_MODEL = ModelConfig(id=1, provider_id=1, name="mock")


def main() -> list[Figure]:
    """All of them; medians over a few rounds."""
    figures = []
    for dialect, kind in (("openai_chat", "translated"), ("anthropic", "verbatim")):
        events = _decoded(dialect, _reads(dialect))
        for how, together in (("lone", 1), ("100 at once", 100)):
            figures.append(_per_chunk(f"encode {kind}, {how}", "event to bytes", partial(_encoded, events, together)))
    return [*decoders.measure(), *figures, *routing.measure(), *_health(), _journal()]


def _reads(dialect: str) -> list[bytes]:
    """An answer of the mock as the reads in which it might arrive: head, chunks, tail, without HTTP's framing."""
    wire = _FORMATS[dialect]
    chunk = wire.before + answers.stamps(1_234_567, 0) + b" light" + wire.after
    return [
        _unframed(wire.head.partition(b"\r\n\r\n")[2]),
        *[chunk] * _CHUNKS,
        _unframed(wire.tail(_CHUNKS)),
    ]


def _unframed(data: bytes) -> bytes:
    payload = b""
    while data and not data.startswith(b"0\r\n"):
        size, _, rest = data.partition(b"\r\n")
        payload, data = payload + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return payload


def _decoded(dialect: str, reads: list[bytes]) -> list[Event]:
    provider = ProviderConfig(id=1, name="mock", dialect=dialect, base_url="http://127.0.0.1")
    call = Call(body={"model": "mock", "messages": []}, model=_MODEL, provider=provider)
    decoder = DIALECTS[dialect].decoder("text/event-stream", call)
    events: list[Event] = []
    for data in reads:
        events += decoder.feed(data)
    return events + decoder.close()


def _encoded(events: list[Event], together: int) -> bytes:
    encoder = Encoder(SseSink(), "msg_0", "mock", 42)
    out = b""
    for at in range(0, len(events), together):
        out = encoder.feed(events[at : at + together])
    return out + encoder.finish()


def _per_chunk(key: str, what: str, run: Callable[[], object], bar: float | None = None) -> Figure:
    rounds = [_seconds(run) * 1e6 / _CHUNKS for _ in range(_ROUNDS)]
    return Figure(key, what, median(rounds), "µs", bar, rounds=rounds)


def _health() -> list[Figure]:
    """What one attempt costs in health: its begin and end alone, and all that is asked and told of it."""
    credentials = tuple(CredentialConfig(id=n, name="k", secret=Secret("s"), position=n) for n in (1, 2))
    provider = ProviderConfig(
        id=1, name="mock", dialect="openai_chat", base_url="http://127.0.0.1", credentials=credentials
    )
    candidate, health = CandidateConfig(id=1, provider=provider, model=_MODEL), Health()

    def ends() -> None:
        for _ in range(_CHUNKS):
            health.begin(candidate, credentials[0]).ended(None)

    async def whole() -> None:
        for _ in range(_CHUNKS):
            health.cooling(candidate)
            tracker = health.begin(candidate, health.credential(candidate, "session"))
            await tracker.may_connect(only=False)
            tracker.connected()
            tracker.first_byte(0.1)
            tracker.ended(None)

    def whole_attempts() -> None:
        asyncio.run(whole())

    return [
        _per_chunk("health ends", "health of one attempt: begin and end", ends, 5.0),
        _per_chunk("health", "health of one attempt: all that is asked and told", whole_attempts),
    ]


def _journal() -> Figure:
    """What one request costs in the journal: its admission and its end, both on a real file."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        journal.start()
        account = Account(None, RequestRecord(id=new_identity(), request_id="req_0"))
        account.request.route_name = account.request.request_model = "claude-sonnet-5-5"
        account.request.decision = {"reasons": [["exact_name", "a route has this name"]], "attempts": ["a: b"]}
        account.attempt()

        def run() -> None:
            for _ in range(_CHUNKS):
                journal.append(account, ended=False)
                journal.append(account, ended=True)
                journal.written([account])

        figure = _per_chunk("journal", "journal of one request: admission and end", run)
        journal.stop()
    return figure


def _seconds(run: Callable[[], object]) -> float:
    gc.collect()
    began = time.process_time()
    run()
    return time.process_time() - began


if __name__ == "__main__":
    print(msgspec.json.encode(main()).decode())

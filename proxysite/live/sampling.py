"""What the requests of this worker are at a moment, from what they count anyway."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from heapq import nsmallest

from msgspec import Raw

from providers.counting import CHARACTERS_PER_TOKEN
from streaming.exchange.exchange import Exchange
from streaming.runtime import Runtime
from usage.journal.records import RequestRecord
from usage.live.streams import MOST_OTHERS, MOST_RUNNING, NONE, Sample, Stream, encode, per_second

_PICO = 10**12


class Sampler:
    """Takes samples of a runtime, in its event loop."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._last: RequestRecord | None = None
        self._ended = NONE
        self._running: dict[Exchange, Stream] = {}

    def sample(self) -> Sample:
        """Returns those that began first and some of everybody's, as many as one sample takes, and those that ended
        last."""
        exchanges, ended = self._runtime.exchanges, self._runtime.ended
        if ended and ended[-1] is not self._last:
            self._last = ended[-1]
            self._ended = Raw(encode([_ended(record) for record in ended]))
        chosen = _chosen(exchanges)
        known = self._running
        # What does not change of a stream is written down once.
        self._running = {one: known.get(one) or _stream(one.account.request) for one in chosen}
        for exchange, stream in self._running.items():
            _measure(exchange, stream)
        return Sample(list(self._running.values()), self._ended, len(exchanges) - len(self._running))


def _chosen(exchanges: Set[Exchange]) -> list[Exchange]:
    """Returns the oldest ones and, of many, others by turns of their owners: who sees but their own must see them."""
    oldest = sorted(exchanges, key=lambda one: one.lifecycle.began)
    if len(oldest) <= MOST_RUNNING:
        return oldest
    turns: Counter[tuple[int | None, int | None]] = Counter()
    others = []
    for place, exchange in enumerate(oldest):
        record = exchange.account.request
        turns[record.team_id, record.owner_id] += 1
        if place >= MOST_RUNNING:
            others.append((turns[record.team_id, record.owner_id], place))
    return oldest[:MOST_RUNNING] + [oldest[place] for _, place in nsmallest(MOST_OTHERS, others)]


def _measure(exchange: Exchange, stream: Stream) -> None:
    now, answer, attempts = exchange.lifecycle.loop.time(), exchange.answer, exchange.account.attempts
    began, record = exchange.lifecycle.began, exchange.account.request
    stream.route_id, stream.route = record.route_id, record.route_name or record.request_model
    stream.streamed = record.streamed
    stream.seconds = round(now - began, 1)
    stream.first = stream.tokens = stream.rate = stream.quiet = None
    if attempts:
        tried = attempts[-1]
        stream.number = tried.number
        stream.provider_id, stream.provider, stream.model = tried.provider_id, tried.provider_name, tried.model_name
    if answer is not None and answer.first_content_at is not None:
        stream.first = round(answer.first_content_at - began, 2)
        stream.tokens = max(answer.encoder.tokens.output or 0, -(-answer.sink.chars // CHARACTERS_PER_TOKEN))
        stream.rate = per_second(stream.tokens, now - answer.first_content_at)
        if answer.stream is not None:
            stream.quiet = round(answer.quiet_seconds(now), 1)


def _ended(record: RequestRecord) -> Stream:
    stream = _stream(record)
    stream.provider_id, stream.provider, stream.model = record.provider_id, record.provider_name, record.model_name
    stream.number = record.attempts
    stream.seconds = round((record.duration_ms or 0) / 1000, 1)
    stream.at = record.started_at.timestamp() + (record.duration_ms or 0) / 1000
    first = record.time_to_first_token_ms
    stream.tokens, stream.exact = record.output_tokens, not record.estimated
    if first is not None:
        stream.first = round(first / 1000, 2)
        stream.rate = per_second(record.output_tokens, ((record.duration_ms or 0) - first) / 1000)
    stream.outcome, stream.code = record.outcome, record.error_code or record.error_type
    stream.cost = None if record.cost is None else record.cost / _PICO
    return stream


def _stream(record: RequestRecord) -> Stream:
    return Stream(
        id=str(record.id),
        team_id=record.team_id,
        team=record.team_name,
        owner_id=record.owner_id,
        owner=record.owner_name,
        key_id=record.key_id,
        key=record.key_name,
        route_id=record.route_id,
        route=record.route_name or record.request_model,
        streamed=record.streamed,
    )

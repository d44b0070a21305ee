"""From tokens to records: every count that a provider reports is in the attempt's record and in the request's."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from providers.events import MessageFinished, MessageStarted, TextDelta, Tokens, TokensReported
from streaming.attempts.attempt import Attempt
from streaming.exchange.answer import Answer
from streaming.exchange.client import Client
from streaming.exchange.exchange import Exchange
from streaming.exchange.lifecycle import Ending, Lifecycle
from streaming.exchange.request import Body, Request
from streaming.ingress.claude.frames import SseSink
from streaming.outcome import accounting
from tests.streaming.relaying import KEY, candidate
from usage.cost import Prices
from usage.journal.account import Account, new_identity, request_id_of
from usage.journal.records import AttemptRecord, RequestRecord
from usage.models import Outcome

TOKENS = Tokens(**{name: 1000 + place for place, name in enumerate(Tokens.__struct_fields__)})
PRICES = Prices(input=3, output=5, cache_read=1, cache_write=4, per_web_search=7, id=9)
COLUMNS = {
    "input": "input_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "cache_write_1h": "cache_write_1h_tokens",
    "output": "output_tokens",
    "reasoning": "reasoning_tokens",
    "web_searches": "web_searches",
    "cost": "provider_cost",
}


async def _nowhere(message: dict[str, Any]) -> None:
    """The client's side of a request that sends nothing."""


class Accounted:
    """An exchange whose attempts end as a test says."""

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.identity = new_identity()
        record = RequestRecord(id=self.identity, request_id=request_id_of(self.identity))
        self.lifecycle = Lifecycle(task)
        self.exchange = Exchange(Account(None, record), Client(_nowhere), KEY, {}, self.lifecycle)
        self.request = Request("req_1", "m", Body({"messages": []}), {})
        self.answer = Answer(self.request, self.lifecycle, SseSink, message_id="msg_1")
        self.exchange.answer = self.answer

    def attempt(self, tokens: Tokens | None, outcome: Outcome, *, ends: bool = True) -> AttemptRecord:
        """The record of an attempt that sent a text, reported `tokens` and ended."""
        of = candidate("http://127.0.0.1:9")
        of = msgspec.structs.replace(of, model=msgspec.structs.replace(of.model, prices=(PRICES,)))
        record = accounting.begin_attempt(self.exchange.account, of)
        attempt = Attempt(of, self.request, self.answer, self.lifecycle, id=record.id, number=record.number)
        attempt.responded = True
        self.answer.encoder.feed([MessageStarted(), TextDelta("12345678")])
        if tokens is not None:
            self.answer.encoder.feed([TokensReported(tokens)])
        if ends:
            self.answer.encoder.feed([MessageFinished("end_turn")])
            self.answer.encoder.finish()
        attempt.outcome = outcome
        accounting.attempt_ended(self.exchange, attempt, None)
        return record

    def end(self) -> RequestRecord:
        """The request's record after its end."""
        self.exchange.outcome = Outcome.COMPLETED
        accounting.request_ended(self.exchange)
        return self.exchange.account.request


def run(test: Any) -> None:
    async def main() -> None:
        test(Accounted())

    asyncio.run(main())


@pytest.mark.parametrize("name", Tokens.__struct_fields__)
def test_every_count_reaches_both_records(name: str) -> None:
    def test(made: Accounted) -> None:
        attempt = made.attempt(TOKENS, Outcome.COMPLETED)
        made.answer.answering_attempt = attempt.number
        request = made.end()
        assert getattr(attempt, COLUMNS[name]) == getattr(TOKENS, name)
        assert getattr(request, COLUMNS[name]) == getattr(TOKENS, name)
        assert not request.estimated

    run(test)


@pytest.mark.parametrize("name", Tokens.__struct_fields__)
def test_an_answer_in_parts_has_the_counts_of_all_its_attempts(name: str) -> None:
    def test(made: Accounted) -> None:
        first = made.attempt(TOKENS, Outcome.FAILED, ends=False)
        made.answer.interrupted_attempts.append(first.number)
        made.answer.encoder.resume()
        second = made.attempt(TOKENS, Outcome.COMPLETED)
        made.answer.answering_attempt = second.number
        assert getattr(made.end(), COLUMNS[name]) == 2 * getattr(TOKENS, name)

    run(test)


def test_an_unknown_count_stays_unknown() -> None:
    def test(made: Accounted) -> None:
        attempt = made.attempt(Tokens(input=5, output=7), Outcome.COMPLETED)
        request = made.end()
        for record in (attempt, request):
            known = {name for name in COLUMNS.values() if getattr(record, name) is not None}
            assert known == {"input_tokens", "output_tokens"}

    run(test)


def test_an_answer_that_was_cut_off_is_estimated() -> None:
    def test(made: Accounted) -> None:
        made.lifecycle.ending = Ending.CLIENT_CLOSED
        record = made.attempt(None, Outcome.CLIENT_CLOSED, ends=False)
        assert (record.estimated, record.input_tokens, record.output_tokens) == (True, 0, 2)

    run(test)


def test_without_an_answer_the_last_attempt_is_the_requests() -> None:
    def test(made: Accounted) -> None:
        made.attempt(TOKENS, Outcome.FAILED, ends=False)
        made.answer.encoder.restart()
        last = made.attempt(msgspec.structs.replace(TOKENS, input=1), Outcome.FAILED, ends=False)
        request = made.end()
        assert request.input_tokens == last.input_tokens == 1
        assert request.attempts == 2
        # Every attempt is paid for.
        first = made.exchange.account.attempts[0]
        assert first.cost is not None
        assert last.cost is not None
        assert first.cost != last.cost
        assert (request.cost, request.provider_cost) == (first.cost + last.cost, 2 * (TOKENS.cost or 0))

    run(test)

"""What a provider says of who answered reaches the attempt's record: model, service tier, region, of every dialect."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from providers.config import CredentialConfig, Secret
from providers.events import MessageFinished, MessageStarted
from streaming.attempts.attempt import Attempt
from streaming.exchange.answer import Answer
from streaming.exchange.client import Client
from streaming.exchange.exchange import Exchange
from streaming.exchange.lifecycle import Lifecycle
from streaming.exchange.request import Body, Request
from streaming.ingress.claude.frames import SseSink
from streaming.outcome import accounting
from tests.claude.wire import ROOT, Case
from tests.streaming.relaying import KEY, candidate
from usage.journal.account import Account, new_identity, request_id_of
from usage.journal.records import AttemptRecord, RequestRecord

REPORTED = {
    "anthropic/inference_geo": ("claude-sonnet-5-5", "priority", "us"),
    "anthropic/whole_inference_geo": ("claude-sonnet-5-5", "standard", "eu"),
    "anthropic/usage_left_out": ("gpt-oss-20b", "", ""),
    "openai_chat/service_tier_openai": ("gpt-5.5-2026-04-23", "priority", ""),
    "openai_chat/whole_service_tier": ("gpt-5.5-2026-04-23", "flex", ""),
    "openai_chat/service_tier_absurd": ("model-x", "", ""),
    "openai_responses/ids_rotate_copilot": ("gpt-5.4-2026-03-05", "default", ""),
    "openai_responses/whole_json": ("gpt-5.4-2026-03-05", "default", ""),
    "openai_responses/truncated": ("gpt-5.4-2026-03-05", "", ""),
    "gemini/service_tier": ("gemini-3.8-flash", "flex", ""),
    "gemini/whole_traffic_type_vertex": ("gemini-3.8-flash", "PROVISIONED_THROUGHPUT", ""),
    "ollama/text": ("qwen3:8b", "", ""),
}


async def _nowhere(message: dict[str, Any]) -> None:
    """The client's side of a request that sends nothing."""


def record_of(events: list[Any], **changes: Any) -> AttemptRecord:
    """The record of an attempt whose provider sent these events; `changes` are made to the attempt before it ends."""

    async def main() -> AttemptRecord:
        task = asyncio.current_task()
        assert task is not None
        identity, lifecycle = new_identity(), Lifecycle(task)
        account = Account(None, RequestRecord(id=identity, request_id=request_id_of(identity)))
        exchange = Exchange(account, Client(_nowhere), KEY, {}, lifecycle)
        request = Request("req_1", "m", Body({"messages": []}), {})
        exchange.answer = answer = Answer(request, lifecycle, SseSink, message_id="msg_1")
        of = candidate("http://127.0.0.1:9")
        secret = CredentialConfig(1, "main", Secret("sk-secret-0123456789abcdef"))
        platform = changes.pop("platform", "")
        of = msgspec.structs.replace(
            of, provider=msgspec.structs.replace(of.provider, credentials=(secret,), platform=platform)
        )
        record = accounting.begin_attempt(account, of)
        attempt = Attempt(of, request, answer, lifecycle, id=record.id, number=record.number)
        attempt.responded = True
        for name, value in changes.items():
            setattr(attempt, name, value)
        answer.encoder.feed(events)
        accounting.attempt_ended(exchange, attempt, None)
        return record

    return asyncio.run(main())


def reported(record: AttemptRecord) -> tuple[str, str, str]:
    return record.reported_model, record.service_tier, record.region


@pytest.mark.parametrize("case", REPORTED)
def test_the_record_has_what_the_provider_reports(case: str) -> None:
    found = Case(ROOT / Path(case))
    assert reported(record_of(found.events([found.body]))) == REPORTED[case]


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("a\x00b\nc\ud800", "abc"),
        ("m" * 100_000, "m" * 160),
        ("échantillon 日本", "échantillon 日本"),
        ("\x00\r\n", ""),
        ("echo-sk-secret-0123456789abcdef", "echo-[redacted]"),
        (None, ""),
    ],
    ids=["control", "long", "letters", "nothing", "secret", "none"],
)
def test_a_name_that_no_row_can_hold_is_cut(name: Any, stored: str) -> None:
    assert record_of([MessageStarted(model=name), MessageFinished("end_turn")]).reported_model == stored


def test_the_tier_and_the_region_are_cut_too() -> None:
    record = record_of([MessageStarted(model="m", service_tier="t\x00" * 99, region="r\n" * 99)])
    assert (record.service_tier, record.region) == ("t" * 20, "r" * 30)


def test_nothing_is_known_before_an_answer() -> None:
    assert reported(record_of([MessageStarted(model="m")], responded=False)) == ("", "", "")


def test_the_answer_counts_before_the_platform() -> None:
    by_platform = ("flex", "called:eu-central-1")
    started = MessageStarted(model="m", service_tier="priority", region="us")
    assert reported(record_of([started], platform="bedrock", by_platform=by_platform)) == ("m", "priority", "us")
    assert reported(record_of([MessageStarted()], platform="bedrock", by_platform=by_platform)) == ("", *by_platform)

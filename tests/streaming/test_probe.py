"""The provider test: the attempt of a client's request, without an exchange, an account or a client."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from streaming import probe
from streaming.exchange.client import Client
from streaming.exchange.exchange import Exchange
from tests.harness import speak
from tests.harness.script import HANG, Reply
from tests.harness.upstream import Upstream
from tests.streaming.relaying import candidate
from usage.journal.account import Account


@pytest.fixture(autouse=True)
def nothing_pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever belongs to a client's request cannot be made here."""

    def refused(self: Any, *args: Any, **kwargs: Any) -> None:
        raise AssertionError(f"the provider test makes a {type(self).__name__}")

    for kind in (Account, Client, Exchange):
        monkeypatch.setattr(kind, "__init__", refused)


def ask(upstream: Upstream, reply: Reply, first_event: float = 10.0) -> probe.ProbeResult:
    """The result of a test; the prompt has the script's mark."""
    script = upstream.script(reply)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe, "_PROMPT", script.prompt)
        return asyncio.run(probe._ask(candidate(upstream.base_url, first_event=first_event)))


def test_a_good_answer_has_text_times_and_tokens(upstream: Upstream) -> None:
    result = ask(upstream, speak.chat_answer("Hello there, how are you?"))
    assert (result.ok, result.text, result.http_status, result.error, result.advice) == (
        True, "Hello there, how are you?", 200, "", "",
    )  # fmt: skip
    assert result.first_token_ms is not None
    assert 0 <= result.first_token_ms <= result.latency_ms
    assert (result.input_tokens, result.output_tokens) != (None, None)


def test_a_rejected_key_comes_with_advice(upstream: Upstream) -> None:
    result = ask(upstream, speak.refusal("openai_chat", 401, "Bad key."))
    assert (result.ok, result.http_status, result.text, result.first_token_ms) == (False, 401, "", None)
    assert result.error == "Bad key."
    assert "key" in result.advice


def test_a_silent_provider_is_given_up_at_its_deadline(upstream: Upstream) -> None:
    result = ask(upstream, Reply([HANG]), first_event=0.2)
    assert not result.ok
    assert "did not begin to answer in time" in result.error
    assert "first-event timeout" in result.advice

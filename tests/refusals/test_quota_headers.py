"""The headers by which Claude Code shows a budget, as its protocol for gateways has them."""

from __future__ import annotations

import asyncio
import time
from typing import Literal

import pytest

from streaming.exchange.quota import Quota
from streaming.ingress.claude import errors, quota_headers
from streaming.refused import RefusalKind, Refused
from tests.harness import speak
from tests.harness.upstream import Upstream
from tests.streaming.relaying import candidate, relayed
from usage.money import PICO
from usage.sentence import Sentence

MOST = 500 * PICO
RESET = 1_796_083_200.0
WORDS = Sentence("The budget is spent.", code="budget_spent")
PREFIX = "anthropic-ratelimit-unified-"


def of_refusal(quota: Quota | None) -> dict[str, str]:
    answer = errors.of_refused(Refused(RefusalKind.QUOTA_EXHAUSTED, WORDS, quota=quota, code="budget"))
    assert (answer.status, answer.type, answer.message, answer.code) == (429, "billing_error", WORDS, "budget")
    assert b'"type":"billing_error","message":"The budget is spent."' in answer.body("req_1")
    return {name.decode(): value.decode() for name, value in answer.headers}


def of_answer(quota: Quota) -> dict[str, str]:
    found = {name.decode(): value.decode() for name, value in quota_headers.of_answer(quota)}
    assert all(name.startswith(PREFIX) for name in found)
    return {name.removeprefix(PREFIX): value for name, value in found.items()}


@pytest.mark.parametrize(("period", "named"), [("day", "daily"), ("week", "weekly"), ("month", "monthly")])
def test_a_spent_budget(period: Literal["day", "week", "month"], named: str) -> None:
    resets_at = float(int(time.time())) + 3600
    headers = of_refusal(Quota(period, MOST, MOST, resets_at))
    assert int(headers.pop("retry-after")) in {3599, 3600}
    assert headers == {
        "x-should-retry": "false",
        f"{PREFIX}status": "rejected",
        f"{PREFIX}reset": str(int(resets_at)),
        f"{PREFIX}overage-reset": str(int(resets_at)),
        f"{PREFIX}overage-utilization": "1",
        f"{PREFIX}overage-surpassed-threshold": "1",
        f"{PREFIX}overage-period": named,
        f"{PREFIX}overage-disabled-reason": "org_spend_cap_reached",
    }


def test_a_spent_pool_is_a_monthly_one_of_a_group() -> None:
    headers = of_refusal(Quota("day", MOST, MOST + 5, time.time() + 60, shared=True))
    assert headers[f"{PREFIX}overage-period"] == "monthly"
    assert headers[f"{PREFIX}overage-scope"] == "group_pool"


def test_a_budget_in_total_names_no_reset_and_no_period() -> None:
    headers = of_refusal(Quota("total", MOST, MOST))
    assert set(headers) == {"x-should-retry"} | {
        PREFIX + name
        for name in ("status", "overage-utilization", "overage-surpassed-threshold", "overage-disabled-reason")
    }


def test_a_quota_that_resets_at_this_moment_is_waited_for_a_second() -> None:
    assert of_refusal(Quota("day", 10, 10, time.time() - 5, money=False))["retry-after"] == "1"


def test_an_unreadable_store_says_nothing_of_amounts() -> None:
    wanted = {"x-should-retry": "false", f"{PREFIX}overage-disabled-reason": "fetch_error"}
    assert of_refusal(Quota("month", 0, 0, RESET, unreadable=True)) == wanted


def test_a_refusal_without_a_quota_is_not_sent_again_either() -> None:
    assert of_refusal(None) == {"x-should-retry": "false"}


@pytest.mark.parametrize(
    ("used", "status", "utilization", "surpassed"),
    [
        (0, "allowed", "0", None),
        (375 * PICO, "allowed", "0.75", None),
        (376 * PICO, "allowed_warning", "0.75", "0.75"),
        (410 * PICO, "allowed_warning", "0.82", "0.75"),
        (475 * PICO, "allowed_warning", "0.95", "0.75"),
        (476 * PICO, "allowed_warning", "0.95", "0.95"),
        (MOST - 1, "allowed_warning", "0.99", "0.95"),
        (MOST + 7, "allowed_warning", "0.99", "0.95"),
    ],
)
def test_an_answer_of_a_capped_caller(used: int, status: str, utilization: str, surpassed: str | None) -> None:
    warned = {} if surpassed is None else {"overage-surpassed-threshold": surpassed}
    assert of_answer(Quota("month", MOST, used, RESET)) == {
        "status": status,
        "representative-claim": "overage",
        "overage-status": status,
        "overage-utilization": utilization,
        "reset": "1796083200",
        "overage-reset": "1796083200",
        **warned,
    }


def test_an_answer_under_a_budget_in_total_names_no_reset() -> None:
    assert not {"reset", "overage-reset"} & set(of_answer(Quota("total", MOST, 5)))


def test_a_quota_of_tokens_or_without_numbers_is_not_shown_as_money() -> None:
    assert of_answer(Quota("day", 1000, 900, RESET, money=False)) == {}
    assert of_answer(Quota("day", 0, 0, RESET, unreadable=True)) == {}


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_answers_show_the_budget_and_failures_do_not(stream: bool, upstream: Upstream) -> None:
    script = upstream.script(
        good=[speak.chat_answer("done"), speak.chat_answer("done")],
        bad=[speak.refusal("openai_chat", 429, "slow down")],
    )
    quota = Quota("month", MOST, 410 * PICO, RESET)
    good, bad = candidate(upstream.base_url, 1, "/good/v1"), candidate(upstream.base_url, 2, "/bad/v1")
    answer = asyncio.run(relayed(script.prompt, good, stream=stream, quota=quota))
    assert answer.status == 200
    assert {name: value for name, value in answer.headers.items() if b"ratelimit" in name} == dict(
        quota_headers.of_answer(quota)
    )
    # With some of these headers Claude Code takes a 429 of a provider for a spent budget.
    failed = asyncio.run(relayed(script.prompt, bad, stream=stream, quota=quota))
    assert failed.status == 429
    uncapped = asyncio.run(relayed(script.prompt, good, stream=stream))
    assert uncapped.status == 200
    assert not [name for one in (failed, uncapped) for name in one.headers if b"ratelimit" in name]

"""What Claude Code's own gateway answers about budgets, compared with what this one does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import pytest

from streaming.endpoints import usage
from streaming.exchange.quota import Quota
from streaming.ingress.claude import errors
from streaming.ingress.claude.quota_headers import of_answer
from streaming.refused import RefusalKind, Refused
from tests.clients.reference_gateway import TEAM, Reference, reference_gateway
from tests.harness import speak
from tests.harness.upstream import Upstream
from usage.budgets.periods import bounds
from usage.money import PICO

pytestmark = pytest.mark.clients

CENT = PICO // 100
CAP = 1000
PERIODS: dict[str, Literal["day", "week", "month"]] = {"daily": "day", "weekly": "week", "monthly": "month"}


@pytest.fixture(scope="module")
def reference(upstream: Upstream) -> Iterator[Reference]:
    """The other gateway."""
    # Not pytest's folder, which PostgreSQL's user may not enter.
    with TemporaryDirectory() as folder, reference_gateway(Path(folder), upstream.base_url) as running:
        yield running


def _quota(period: str, spent: float, *, shared: bool = False) -> Quota:
    named = PERIODS[period]
    return Quota(named, CAP * CENT, int(spent * CENT), bounds(named, "UTC", 0, time.time())[1], shared)


def _body(upstream: Upstream) -> dict[str, Any]:
    prompt = upstream.script(speak.answer("anthropic")).prompt
    messages = [{"role": "user", "content": prompt}]
    return {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": messages, "stream": True}


def _of_budget(headers: dict[str, str]) -> dict[str, str]:
    names = ("anthropic-ratelimit", "retry-after", "x-should-retry")
    return {name: value for name, value in headers.items() if name.startswith(names)}


def _decoded(headers: Any) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in headers}


def _refusal(quota: Quota) -> dict[str, str]:
    return _decoded(errors.of_refused(Refused(RefusalKind.QUOTA_EXHAUSTED, "spent", quota=quota)).headers)


def _assert_same_refusal(theirs: tuple[int, dict[str, str], Any], quota: Quota) -> None:
    status, headers, body = theirs
    ours, answered = _refusal(quota), _of_budget(headers)
    assert (status, body["error"]["type"]) == (429, "billing_error")
    assert abs(int(ours.pop("retry-after")) - int(answered.pop("retry-after"))) < 60
    assert ours == answered


@pytest.mark.parametrize("spent", [0, 500, 750, 760, 820, 949, 955, 999.5])
@pytest.mark.parametrize("period", PERIODS)
def test_answers_and_usage_under_a_budget(period: str, spent: float, reference: Reference, upstream: Upstream) -> None:
    user, quota = f"{period}-{spent}", _quota(period, spent)
    reference.spend(user, period, CAP, spent)
    # Before the answer below, which costs a little there.
    status, _, theirs = reference.ask(user)
    assert (status, theirs) == (200, usage.of([quota]))
    status, headers, _ = reference.ask(user, _body(upstream))
    assert (status, _of_budget(headers)) == (200, _decoded(of_answer(quota)))


@pytest.mark.parametrize("period", PERIODS)
def test_a_refusal_of_a_spent_budget(period: str, reference: Reference, upstream: Upstream) -> None:
    reference.spend(f"spent-{period}", period, CAP, CAP)
    _assert_same_refusal(reference.ask(f"spent-{period}", _body(upstream)), _quota(period, CAP))
    status, _, theirs = reference.ask(f"spent-{period}")
    assert (status, theirs) == (200, usage.of([_quota(period, CAP)]))


def test_a_refusal_of_a_spent_pool(reference: Reference, upstream: Upstream) -> None:
    reference.spend_together(CAP, CAP)
    _assert_same_refusal(reference.ask("of-pool", _body(upstream), groups=(TEAM,)), _quota("monthly", CAP, shared=True))


def test_an_uncapped_caller_is_shown_nothing(reference: Reference, upstream: Upstream) -> None:
    status, headers, _ = reference.ask("uncapped", _body(upstream))
    assert (status, _of_budget(headers)) == (200, {})


def test_a_refusal_where_budgets_cannot_be_read(reference: Reference, upstream: Upstream) -> None:
    reference.database.execute("ALTER TABLE spend_limits RENAME TO gone")
    try:
        status, headers, body = reference.ask("unreadable", _body(upstream))
    finally:
        reference.database.execute("ALTER TABLE gone RENAME TO spend_limits")
    assert (status, body["error"]["type"]) == (429, "billing_error")
    assert _of_budget(headers) == _refusal(Quota("month", 0, 0, unreadable=True))

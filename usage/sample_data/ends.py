"""Why sample requests fail: codes and sentences of docs/sentences.md, as often as they stand here."""

from __future__ import annotations

from typing import NamedTuple


class Failure(NamedTuple):
    """A failure of a request or an attempt; `text` may name the {provider}."""

    code: str
    text: str
    status: int | None
    type: str


_HIGHER = "or ask an administrator of this gateway for a higher limit. The gateway's page /my/ shows your limits."
_MINUTE = Failure(
    "minute_limit",
    "The limit of 60 requests a minute for this client key is reached. There is room for this request in 12 s: send it "
    f"again then, {_HIGHER}",
    429,
    "rate_limit_error",
)
_BUDGET = Failure(
    "budget_used_up",
    "The budget of your team of $500.00 a month has not enough left for this request, which reserves $0.46: "
    "$499.87 are spent or reserved. It resets: with the month. To go on earlier, ask for more at /my/ of this gateway: "
    "a lead of your team or an administrator decides.",
    429,
    "billing_error",
)
_BUSY = Failure(
    "too_many_requests",
    "This client key has 1,000 requests under way, which is the most. Send this one again when some of them have "
    "ended, or ask an administrator of this gateway for a higher MAX_REQUESTS_PER_KEY.",
    429,
    "rate_limit_error",
)
_UNKNOWN = Failure("no_such_route", "There is no model 'coding-old' here.", 404, "not_found_error")
_LONG = Failure("prompt_too_long", "prompt is too long: 214,000 tokens > 200,000 maximum", 400, "invalid_request_error")
_DOWN = Failure(
    "no_healthy_candidate", "No model of 'chat-fast' is available now (circuit open).", 529, "overloaded_error"
)
REFUSALS = (*(_MINUTE,) * 5, *(_BUDGET,) * 4, *(_UNKNOWN,) * 3, *(_LONG,) * 3, _BUSY, _DOWN)

_OVERLOADED = Failure(
    "provider_overloaded", "The provider {provider} is overloaded (HTTP 529).", 529, "overloaded_error"
)
_RATE = Failure(
    "provider_rate_limit",
    "The provider {provider} limits the rate of requests or tokens (HTTP 429).",
    429,
    "rate_limit_error",
)
_ERROR = Failure("provider_error", "The provider {provider} reported an error of its own (HTTP 500).", 500, "api_error")
_LATE = Failure("provider_first_event_timeout", "The provider did not begin to answer in time.", 504, "timeout_error")
_CLOSED = Failure("provider_connection_refused", "The provider refused the connection.", 502, "api_error")
WITHOUT_HEAD = frozenset({_LATE.code, _CLOSED.code})
"""Failures of which the head of an answer never came."""
FAILURES = (*(_OVERLOADED,) * 4, *(_RATE,) * 3, *(_ERROR,) * 2, _LATE, _CLOSED)
RESTART = Failure("shutdown", "The gateway is restarting. Send the request again.", None, "")

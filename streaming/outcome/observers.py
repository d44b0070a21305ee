"""Who is called at the end of each attempt and of each request: one tuple of functions each, called in order."""

from __future__ import annotations

import logging
from collections.abc import Callable

from providers.errors import UnsupportedRequest, UpstreamError
from streaming.attempts.attempt import Attempt
from streaming.exchange.exchange import Exchange
from streaming.outcome import accounting

logger = logging.getLogger("gateway.request")

AttemptError = UpstreamError | UnsupportedRequest | None


def attempt_ended(exchange: Exchange, attempt: Attempt, error: AttemptError) -> None:
    """An attempt has ended, with its `error` if it failed; call this once."""
    for observe in ATTEMPT_OBSERVERS:
        observe(exchange, attempt, error)


def request_ended(exchange: Exchange) -> None:
    """A request has ended; call this once."""
    for observe in REQUEST_OBSERVERS:
        observe(exchange)


def log_attempt(exchange: Exchange, attempt: Attempt, error: AttemptError) -> None:
    """Writes a log line about a failed attempt."""
    if error is not None and logger.isEnabledFor(logging.DEBUG):
        kind = error.kind.value if isinstance(error, UpstreamError) else "unsupported"
        fields = {"request_id": exchange.client.request_id, "kind": kind, "number": attempt.number}
        logger.debug("attempt failed", extra={"fields": fields})


def log_request(exchange: Exchange) -> None:
    """Writes the log line of a request."""
    if not logger.isEnabledFor(logging.INFO):
        return
    request = exchange.account.request
    fields = {
        "request_id": request.request_id,
        "key": request.key_prefix,
        "route": request.route_name or None,
        "phase": request.phase or None,
        "rule": request.rule or None,
        "provider": request.provider_name or None,
        "model": request.model_name or None,
        "attempts": request.attempts,
        "time_to_first_token_ms": request.time_to_first_token_ms,
        "duration_ms": request.duration_ms,
        "input_tokens": request.input_tokens,
        "cache_read_tokens": request.cache_read_tokens,
        "cache_write_tokens": request.cache_write_tokens,
        "output_tokens": request.output_tokens,
        "status": request.http_status,
        "stop_reason": request.stop_reason or None,
        "error": request.error_type or None,
        "error_code": request.error_code or None,
        "outcome": request.outcome,
    }
    logger.info("request", extra={"fields": fields})


ATTEMPT_OBSERVERS: tuple[Callable[[Exchange, Attempt, AttemptError], None], ...] = (
    accounting.attempt_ended,
    log_attempt,
)
REQUEST_OBSERVERS: tuple[Callable[[Exchange], None], ...] = (accounting.request_ended, log_request)

"""Claude's errors: every refusal becomes a status, a type and a text (https://docs.claude.com/en/api/errors).

Callers must not take the gateway's trouble with a provider for their own, so a provider's 401, 402 and 403 arrive as
502.
"""

from __future__ import annotations

import math
import time
from typing import Final

import msgspec
from django.conf import settings

from access.keys import AccessDenied, NotPermitted
from streaming.exchange.client import Headers
from streaming.ingress.claude import quota_headers
from streaming.refused import RefusalKind, Refused
from usage.sentence import Sentence, own_words

LONGEST_RETRY_AFTER: Final = 60
"""Seconds; Claude Code gives up at once on more."""

_TYPES: Final[dict[int, str]] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}

_STATUSES: Final[dict[RefusalKind, int]] = {
    RefusalKind.INVALID_REQUEST: 400,
    RefusalKind.FORBIDDEN: 403,
    RefusalKind.NOT_FOUND: 404,
    RefusalKind.CONFLICT: 409,
    RefusalKind.TOO_LARGE: 413,
    RefusalKind.RATE_LIMITED: 429,
    RefusalKind.QUOTA_EXHAUSTED: 429,
    RefusalKind.OVERLOADED: 529,
    RefusalKind.UPSTREAM_FAILED: 502,
    RefusalKind.UPSTREAM_CRASHED: 500,
    RefusalKind.UPSTREAM_UNAVAILABLE: 503,
    RefusalKind.TIMED_OUT: 504,
    RefusalKind.BROKEN_ROUTE: 503,
    RefusalKind.BROKEN_PROVIDER: 502,
    RefusalKind.BROKEN_GATEWAY: 503,
}
_USELESS_TO_RETRY: Final = frozenset(
    {RefusalKind.BROKEN_ROUTE, RefusalKind.BROKEN_PROVIDER, RefusalKind.BROKEN_GATEWAY}
)
_WITH_RETRY_AFTER: Final = frozenset({429, 503, 529})
_DO_NOT_RETRY: Final = (b"x-should-retry", b"false")


class ClaudeError(Exception):
    """An answer with an error status, in Claude's shape. `headers` are extra ones, such as retry-after.

    Every 401 says that it is not to be sent again: no client key comes into force by waiting, and Claude Code would
    wait for three minutes without a word. One with an `apiKeyHelper` asks that for a new key all the same.

    The usage row stores `code` and `why`, which is the message where that is a Sentence of the gateway's own.
    `error_type` replaces the usual type of the status.
    """

    def __init__(
        self,
        status: int,
        message: str,
        headers: Headers | None = None,
        *,
        code: str = "",
        why: Sentence | None = None,
        error_type: str = "",
    ) -> None:
        self.status = status
        self.type = error_type or type_of_status(status)
        super().__init__(f"{status} {self.type}")
        self.message = str(message)
        self.why = own_words(message) if why is None else why
        self.headers = [*(headers or ()), _DO_NOT_RETRY] if status == 401 else headers or []
        self.code = code

    def body(self, request_id: str) -> bytes:
        """Returns the JSON of the answer."""
        return msgspec.json.encode(
            {"type": "error", "error": {"type": self.type, "message": self.message}, "request_id": request_id}
        )


def unforeseen() -> ClaudeError:
    """Returns the answer to a request that the gateway itself failed at."""
    return ClaudeError(
        500, Sentence("Something went wrong in the gateway. Its log has the request id.", code="gateway_failed")
    )


def type_of_status(status: int) -> str:
    """Returns Claude's error type for an HTTP status."""
    return _TYPES.get(status, "invalid_request_error" if 400 <= status < 500 else "api_error")


def of_access(error: AccessDenied) -> ClaudeError:
    """Returns 401 for an unknown caller, 403 for one without permission."""
    return ClaudeError(403 if isinstance(error, NotPermitted) else 401, error.message)


def of_refused_keys(most: int, wait: int) -> ClaudeError:
    """Returns the answer to an address that sent `most` refused keys within a minute. Sent again they are refused."""
    message = (
        f"{most} requests with refused client keys came from this address within a minute, which is the most. Correct "
        f"or remove the key in the client that sends them, and try again in {wait} s. An administrator of this gateway "
        "makes new keys."
    )
    return ClaudeError(429, message, [_DO_NOT_RETRY, (b"retry-after", b"%d" % wait)])


def of_refused(error: Refused) -> ClaudeError:
    """Returns the answer to a refused request.

    Claude Code shows nothing while it waits, so a rate limit of ours with a long wait is not waited for.
    """
    if error.kind is RefusalKind.QUOTA_EXHAUSTED:
        return _of_quota(error)
    status = _STATUSES[error.kind]
    headers: Headers = []
    is_limit = error.kind is RefusalKind.RATE_LIMITED and not error.of_provider
    too_long = is_limit and error.retry_after is not None and error.retry_after > settings.LONGEST_LIMIT_WAIT
    if too_long or error.kind in _USELESS_TO_RETRY:
        headers.append(_DO_NOT_RETRY)
    if error.retry_after is not None and status in _WITH_RETRY_AFTER:
        seconds = max(1, math.ceil(error.retry_after))
        headers.append((b"retry-after", b"%d" % (seconds if too_long else min(LONGEST_RETRY_AFTER, seconds))))
    return ClaudeError(status, error.message, headers, code=error.code, why=error.why)


def _of_quota(error: Refused) -> ClaudeError:
    """Claude Code shows the message of a billing_error with these headers as it is (in gateway mode)."""
    headers = [_DO_NOT_RETRY]
    if error.quota is not None:
        headers += quota_headers.of_refusal(error.quota, time.time())
    status = _STATUSES[error.kind]
    return ClaudeError(status, error.message, headers, code=error.code, why=error.why, error_type=_TYPES[402])

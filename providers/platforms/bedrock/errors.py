"""Bedrock's errors, in a response or as a frame inside a stream, as UpstreamError.

https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from providers.errors import ErrorKind, UpstreamError, kind_of_status
from providers.errors.content import content_kind
from providers.errors.overflow import overflow_message
from providers.errors.response import retry_after

# In lower case: a response's header writes ThrottlingException, a frame throttlingException.
_KINDS = {
    "throttlingexception": ErrorKind.RATE_LIMIT,
    "throttling": ErrorKind.RATE_LIMIT,
    "servicequotaexceededexception": ErrorKind.RATE_LIMIT,
    "toomanyrequestsexception": ErrorKind.RATE_LIMIT,
    "serviceunavailableexception": ErrorKind.OVERLOADED,
    "serviceunavailable": ErrorKind.OVERLOADED,
    "modelnotreadyexception": ErrorKind.OVERLOADED,
    "internalserverexception": ErrorKind.SERVER,
    "internalfailure": ErrorKind.SERVER,
    "modelstreamerrorexception": ErrorKind.SERVER,
    "modelerrorexception": ErrorKind.SERVER,
    "modeltimeoutexception": ErrorKind.SERVER,
    "validationexception": ErrorKind.INVALID_REQUEST,
    "accessdeniedexception": ErrorKind.PERMISSION,
    "optinrequired": ErrorKind.PERMISSION,
    "resourcenotfoundexception": ErrorKind.NOT_FOUND,
    "conflictexception": ErrorKind.CONFLICT,
    "unrecognizedclientexception": ErrorKind.AUTHENTICATION,
    "invalidsignatureexception": ErrorKind.AUTHENTICATION,
    "incompletesignatureexception": ErrorKind.AUTHENTICATION,
    "incompletesignature": ErrorKind.AUTHENTICATION,
    "missingauthenticationtokenexception": ErrorKind.AUTHENTICATION,
    "missingauthenticationtoken": ErrorKind.AUTHENTICATION,
    "expiredtokenexception": ErrorKind.AUTHENTICATION,
    "invalidclienttokenid": ErrorKind.AUTHENTICATION,
    "notauthorized": ErrorKind.PERMISSION,
}
_MESSAGES = ("message", "Message", "originalMessage")


def of_response(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """Returns the error of a response; a header names it, `ThrottlingException:http://...`."""
    value = _json(body)
    code = headers.get("x-amzn-errortype") or _text(value, ("__type", "code"))
    # The name is before a colon or after a hash; the rest is an address.
    code = code.partition(":")[0].rpartition("#")[2].strip()
    message = _text(value, _MESSAGES) or f"The provider answered with HTTP status {status} and no message."
    kind = _KINDS.get(code.lower()) or kind_of_status(status)
    return _error(kind, message, code, status=status, wait=retry_after(headers))


def of_frame(headers: Mapping[str, Any], payload: bytes) -> UpstreamError:
    """Returns the error of an exception frame, or of an error frame, whose message is in headers."""
    code = str(headers.get(":exception-type") or headers.get(":error-code") or "")
    value = _json(payload)
    message = _text(value, _MESSAGES) or str(headers.get(":error-message") or "")
    message = message or "The provider reported an error without a message."
    return _error(_KINDS.get(code.lower(), ErrorKind.SERVER), message, code)


def _error(
    kind: ErrorKind, message: str, code: str, *, status: int | None = None, wait: float | None = None
) -> UpstreamError:
    overflow = overflow_message(message) if kind in {ErrorKind.INVALID_REQUEST, ErrorKind.SERVER} else None
    if overflow is not None:
        kind, message = ErrorKind.CONTEXT_OVERFLOW, overflow
    kind = content_kind(kind, message, words=(code,), status=status)
    return UpstreamError(kind, message, code=code[:64] or None, status=status, retry_after=wait)


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _text(value: Any, names: tuple[str, ...]) -> str:
    if not isinstance(value, dict):
        return ""
    return next((text for name in names if isinstance(text := value.get(name), str) and text), "")

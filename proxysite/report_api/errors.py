"""Errors of the report API: one shape, a code for programs, and a message that says what to do."""

from __future__ import annotations

import logging
from typing import Any, Final, Literal, get_args

from django.conf import settings
from django.core.exceptions import TooManyFieldsSent
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI, Schema
from ninja.errors import ValidationError
from pydantic import Field

logger = logging.getLogger("gateway.report_api")

Code = Literal[
    "invalid_request",
    "token_missing",
    "token_unknown",
    "token_disabled",
    "token_expired",
    "other_team",
    "not_found",
    "method_not_allowed",
    "internal_error",
]
CODES: Final[tuple[str, ...]] = get_args(Code)
CALLS: Final = ("usage", "metrics", "groups", "statements", "statements/NUMBER", "me", "openapi.json")
_VALUE_ERROR: Final = "Value error, "
"""What pydantic puts before the text of a ValueError."""


class ErrorDetail(Schema):
    """What is wrong."""

    code: Code = Field(description="For programs. New codes may come.")
    message: str = Field(description="For people: what is wrong, and what to send instead.")


class ErrorBody(Schema):
    """The body of every error."""

    error: ErrorDetail


REFUSED: Final[dict[int, Any]] = {400: ErrorBody, 401: ErrorBody}
"""The errors of every call, for its description."""
OTHER_TEAM: Final[dict[int, Any]] = {403: ErrorBody}
MISSING: Final[dict[int, Any]] = {404: ErrorBody}


class ReportError(Exception):
    """A request that is refused with this status, code and message."""

    def __init__(self, status: int, code: Code, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def invalid(message: str) -> ReportError:
    """Returns the error of a request with wrong parameters."""
    return ReportError(400, "invalid_request", message)


def response(error: ReportError) -> HttpResponse:
    """Returns the response to a request that is refused."""
    body = {"error": {"code": error.code, "message": error.message}}
    answer = JsonResponse(body, status=error.status, json_dumps_params={"ensure_ascii": False})
    if error.status == 401:
        answer["WWW-Authenticate"] = "Bearer"
    return answer


def not_found(request: HttpRequest) -> HttpResponse:
    """Returns the answer to a path that the API does not have."""
    calls = ", ".join(CALLS)
    return response(
        ReportError(404, "not_found", f"There is no {request.path[:100]}. Below /api/report/v1/ there are {calls}.")
    )


def only(request: HttpRequest, *names: str) -> None:
    """Refuses parameters that a call does not have: a mistyped one would change the answer unseen. Raises
    ReportError."""
    for name in request.GET:
        if name not in names:
            known = f"Choose from {', '.join(names)}." if names else "This call takes none."
            raise invalid(f"There is no parameter {name[:60]!r}. {known}")


def handle(api: NinjaAPI) -> None:
    """Makes an API answer all errors in this shape."""

    def refused(request: HttpRequest, error: Any) -> HttpResponse:
        return response(error)

    def malformed(request: HttpRequest, error: Any) -> HttpResponse:
        first = error.errors[0]
        return response(invalid(f"{first['loc'][-1]}: {first['msg'].removeprefix(_VALUE_ERROR)}"))

    def missing(request: HttpRequest, error: Any) -> HttpResponse:
        return not_found(request)

    def too_many(request: HttpRequest, error: Any) -> HttpResponse:
        most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        return response(invalid(f"There are more than {most:,} parameters. Send fewer values of a filter."))

    def unforeseen(request: HttpRequest, error: Any) -> HttpResponse:
        logger.error("unforeseen failure of %s", request.path, exc_info=error)
        text = "The gateway failed to answer. Try again; if it stays so, its log says why."
        return response(ReportError(500, "internal_error", text))

    for kind, handler in (
        (ReportError, refused), (ValidationError, malformed), (TooManyFieldsSent, too_many), (Http404, missing),
        (Exception, unforeseen),
    ):  # fmt: skip
        api.add_exception_handler(kind, handler)

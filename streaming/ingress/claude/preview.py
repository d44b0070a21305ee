"""What a Claude client would be answered, for pages that explain requests without sending them."""

from __future__ import annotations

from typing import Any

import msgspec

from routing.decision import RouteRefused
from streaming import refused
from streaming.ingress.claude import errors, intake


class Rejection(msgspec.Struct, frozen=True):
    """An error answer: its HTTP status, Claude's error type, and the message."""

    status: int
    type: str
    message: str


class InvalidBody(ValueError):
    """A body that the intake rejects."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.message)
        self.rejection = rejection


def accepted(body: bytes) -> dict[str, Any]:
    """Returns the request in a body that the gateway would take. Raises InvalidBody."""
    try:
        request = intake.parse(body)
        intake.check(request)
    except errors.ClaudeError as error:
        raise InvalidBody(_rejection(error)) from error
    return request


def of_routing(error: RouteRefused) -> Rejection:
    """Returns the answer to a request that routing refuses."""
    return _rejection(errors.of_refused(refused.of_routing(error)))


def _rejection(error: errors.ClaudeError) -> Rejection:
    return Rejection(error.status, error.type, error.message)

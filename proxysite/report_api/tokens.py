"""Who asks: the report token of a request."""

from __future__ import annotations

from typing import Any, Final, cast

from django.http import HttpRequest
from ninja.security.base import AuthBase

from access.models import ReportToken
from access.report_tokens.tokens import TokenRefused, token_of
from proxysite.report_api.errors import Code, ReportError

_HOW: Final = "Send a report token in the header `Authorization: Bearer rpt-…`."


class BearerToken(AuthBase):
    """Takes `Authorization: Bearer`. Not ninja's own class, which writes what is no bearer token into the log."""

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_description = "A report token, which an administrator makes under Access, Report tokens."

    def __call__(self, request: HttpRequest) -> ReportToken:
        """Returns the token in force. Raises ReportError."""
        words = request.headers.get("Authorization", "").split()
        if not words:
            raise ReportError(401, "token_missing", f"There is no report token. {_HOW}")
        if len(words) != 2 or words[0].lower() != "bearer":
            raise ReportError(401, "token_missing", f"The header Authorization has no bearer token. {_HOW}")
        try:
            return token_of(words[1])
        except TokenRefused as error:
            raise ReportError(401, cast("Code", error.code), str(error)) from None


def token(request: HttpRequest) -> ReportToken:
    """Returns the token of a request that was let in."""
    asking: Any = request
    found: ReportToken = asking.auth
    return found


def of_its_team(reader: ReportToken, team_id: int | None) -> None:
    """Refuses another team than the token's. Raises ReportError."""
    if reader.team_id is not None and team_id != reader.team_id:
        raise ReportError(
            403,
            "other_team",
            f"This token reads the team {reader.team} alone, which has the id {reader.team_id}. Ask for that one, "
            "or ask an administrator of this gateway for a token of all teams.",
        )

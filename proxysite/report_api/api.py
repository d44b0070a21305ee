"""The calls of the report API, and its OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone
from ninja import NinjaAPI
from ninja.renderers import JSONRenderer

from proxysite.report_api import errors, statements, usage
from proxysite.report_api.errors import MISSING, OTHER_TEAM, REFUSED, only
from proxysite.report_api.schemas import (
    GroupInfo,
    Groups,
    Me,
    Metrics,
    Statements,
    StatementWithLines,
    TeamInfo,
    Usage,
    metric_infos,
)
from proxysite.report_api.tokens import BearerToken, token
from usage.reports.explore.question import GROUPS

PREFIX: Final = "/api/report/v1/"
_DESCRIPTION: Final = """\
Usage and closed statements for spreadsheets and dashboards. Every call is a GET with a report token in the header \
`Authorization: Bearer rpt-…`.

Money is an exact decimal as text; what is unknown is null, never 0; moments are ISO 8601 with their zone. Errors have \
one shape, `{"error": {"code", "message"}}`; beside those of each call there are 404 and 405.

What v1 has stays as it is. It may get more calls, parameters, members and codes: ignore those that you do not know."""


class _Renderer(JSONRenderer):
    """Names as they are, for people who look at an answer."""

    json_dumps_params = {"ensure_ascii": False}


api = NinjaAPI(
    title="Gateway report API",
    version="1",
    description=_DESCRIPTION,
    docs_url=None,
    urls_namespace="report-v1",
    auth=BearerToken(),
    renderer=_Renderer(),
)
errors.handle(api)


def metrics(request: HttpRequest) -> Metrics:
    """The metrics that may be asked for."""
    only(request)
    return Metrics(metrics=metric_infos())


def groups(request: HttpRequest) -> Groups:
    """What lines may be told apart and narrowed by."""
    only(request)
    return Groups(
        groups=[
            GroupInfo(name=name, title=group.title, filtered_by="id" if group.label else "name")
            for name, group in GROUPS.items()
        ]
    )


def me(request: HttpRequest) -> Me:
    """The token that asks: to try it, and to see what it reads."""
    only(request)
    reader = token(request)
    return Me(
        name=reader.name,
        prefix=reader.prefix,
        team=None if reader.team is None else TeamInfo(id=reader.team.pk, name=reader.team.name),
        expires_at=reader.expires_at,
        time_zone=timezone.get_default_timezone_name(),
    )


def _call(path: str, view: Any, answer: Any, also: dict[int, Any] | None = None, **more: Any) -> None:
    responses = {200: answer, **REFUSED, **(also or {})}
    api.get(path, response=responses, by_alias=True, operation_id=view.__name__, **more)(view)


_call("/usage", usage.usage, Usage, OTHER_TEAM, openapi_extra=usage.DESCRIPTION)
_call("/metrics", metrics, Metrics)
_call("/groups", groups, Groups)
_call("/statements", statements.statements, Statements, OTHER_TEAM)
_call("/statements/{int:number}", statements.statement, StatementWithLines, OTHER_TEAM | MISSING)
_call("/me", me, Me)


def document() -> dict[str, Any]:
    """Returns the OpenAPI document."""
    return dict(api.get_openapi_schema(path_prefix=PREFIX))

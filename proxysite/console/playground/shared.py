"""What the playground of the admin and that of members have in common: the form, the token, the row of a request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final

from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest, JsonResponse

from access.connect import base_url
from access.keys import allowed_pattern
from access.models import Team
from access.permissions import may
from access.playground import tokens
from access.playground.holder import USE, routes_of
from access.sign_in.sessions import row_key
from proxysite.console.playground.form import EXAMPLE_TOOLS, PlaygroundForm
from routing.models import Route
from usage.journal.account import identity_of
from usage.models import RequestLog
from usage.reports import formatting

_MOST_ROUTES: Final = 500
_LONGEST: Final = 160
"""Characters of a model in a link."""
_NO_SUCH_TEAM: Final = "You may use the playground for no such team. Reload the page and choose another one."


def context(request: HttpRequest, person: User, teams: Sequence[Team]) -> dict[str, Any]:
    """Returns what the template needs; links may choose `model`, `second` and `team`."""
    routes = _routes(person, teams)
    chosen = {name: request.GET.get(name, "")[:_LONGEST].replace("\0", "") for name in ("model", "second", "team")}
    known = {str(team.pk) for team in teams}
    form = PlaygroundForm(
        teams,
        team=chosen["team"] if chosen["team"] in known else "",
        model=chosen["model"] or (routes[0].name if routes else ""),
        second=chosen["second"],
    )
    return {
        "form": form,
        "teams": teams,
        "routes": routes,
        "example_tools": EXAMPLE_TOOLS,
        "base_url": base_url(request).rstrip("/"),
    }


def token(request: HttpRequest, person: User, teams: Sequence[Team]) -> JsonResponse:
    """Answers with a token for the team that the form names. It is in no address and no log, and stored nowhere."""
    named = request.POST.get("team", "")
    team = next((one for one in teams if str(one.pk) == named), None)
    if team is None or not may(person, USE, team):
        answer = JsonResponse({"message": _NO_SUCH_TEAM}, status=400 if teams else 403)
    else:
        claims = tokens.Claims(person.pk, team.pk, row_key(request.session.session_key or ""))
        answer = JsonResponse({"token": tokens.issue(claims)})
    answer["Cache-Control"] = "no-store, private"
    return answer


def row(request: HttpRequest, person: User, link: Callable[[RequestLog], str]) -> JsonResponse:
    """Answers what a request of the person's own from the playground cost, once its row is there."""
    found = _row(person, request.GET.get("id", ""))
    answer: dict[str, Any] = {"found": found is not None}
    if found is not None:
        answer |= {
            "url": link(found),
            # What was refused cost nothing and has no counts.
            "counted": found.cost is not None or found.input_tokens is not None,
            "cost": formatting.dollars(found.cost),
            "input": _count(found.input_tokens),
            "output": _count(found.output_tokens),
            "outcome": found.get_outcome_display(),
        }
    response = JsonResponse(answer)
    response["Cache-Control"] = "no-store, private"
    return response


def _row(person: User, request_id: str) -> RequestLog | None:
    return RequestLog.objects.filter(Q(pk=identity_of(request_id)), owner_id=person.pk, key_id=None).first()


def _routes(person: User, teams: Sequence[Team]) -> list[Route]:
    """Returns the routes that the person may use in some team, the default one first."""
    found = Route.objects.filter(enabled=True).order_by("-is_default", "name").only("name", "display_name")
    patterns = []
    for team in teams:
        pattern = allowed_pattern(routes_of(person, team))
        if pattern is None:
            # Of all teams that an administrator sees few are asked about: in those without keys of theirs all are.
            return list(found[:_MOST_ROUTES])
        patterns.append(pattern)
    usable = (route for route in found if any(pattern.fullmatch(route.name) for pattern in patterns))
    return list(islice(usable, _MOST_ROUTES))


def _count(number: int | None) -> str:
    return formatting.UNKNOWN if number is None else f"{number:,}"

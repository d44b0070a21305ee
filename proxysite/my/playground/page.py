"""The playground at /my/: for the teams that the reader is in."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from access.models import Team
from access.permissions import may
from access.playground.holder import USE
from proxysite.console.playground import shared
from proxysite.my import scope
from proxysite.my.site import page as render
from usage.models import RequestLog


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Shows the form."""
    person = scope.person_of(request)
    return render(
        request,
        "playground/my.html",
        "Playground",
        **shared.context(request, person, _teams(person)),
        token_url=reverse("my:playground-token"),
        row_url=reverse("my:playground-row"),
    )


@require_POST
def token(request: HttpRequest) -> HttpResponse:
    """Answers with a token."""
    person = scope.person_of(request)
    return shared.token(request, person, _teams(person))


@require_safe
def row(request: HttpRequest) -> HttpResponse:
    """Answers with the row of a request."""
    return shared.row(request, scope.person_of(request), _link)


def _teams(person: User) -> list[Team]:
    teams = [one.team for one in scope.memberships(person)]
    return [team for team in teams if team.enabled and may(person, USE, team)]


def _link(found: RequestLog) -> str:
    return reverse("my:request", args=[found.pk])

"""A client key made with one click. Its secret is in that one answer and nowhere else."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST

from access import audit, key_actions
from access.connect import base_url, setups
from access.key_actions import KeyRefused
from access.keys import NewKey
from access.models import ClientKey, Membership, Team
from access.permissions import may
from access.roles.scope import visible
from proxysite.console.guide.steps import routes_to_try
from proxysite.my.site import private
from proxysite.templatetags.figures import route_to_show

FIRST_TEAM = "Default team"
"""The team that is made where there is none."""
_MOST_TEAMS = 50


def teams(person: Any) -> list[Team]:
    """Returns the enabled teams that somebody sees, their own first."""
    own = set(Membership.objects.filter(user_id=person.pk).values_list("team_id", flat=True))
    found = visible(person, Team.objects.filter(enabled=True)).order_by("name")[:_MOST_TEAMS]
    return sorted(found, key=lambda team: team.pk not in own)


@require_POST
@permission_required(["usage.view_requestlog", "access.add_clientkey"], raise_exception=True)
def make(request: HttpRequest) -> HttpResponse:
    """Makes a key and returns a part of a page: the secret and the lines to paste, or why there is none."""
    try:
        key, new = _made(request.user, request.POST.get("team", ""))
    except (KeyRefused, PermissionDenied) as error:
        return TemplateResponse(request, "console/guide/key.html", {"problem": str(error)}, status=409)
    admin.site.get_model_admin(ClientKey).log_addition(request, key, [{"added": {}}])
    route = next((one.name for one in routes_to_try()), route_to_show(key))
    context = {"key": key, "secret": new.secret, "setups": setups(base_url(request), new.secret, route)}
    return private(TemplateResponse(request, "console/guide/key.html", context))


def _made(person: Any, team_id: str) -> tuple[ClientKey, NewKey]:
    """Makes the key in a team of the reader's choice, or else in the first; it is their own where they belong to it."""
    with transaction.atomic():
        # Of two clicks at once the second sees the first one's team and name.
        audit.lock()
        offered = teams(person)
        team = next((one for one in offered if str(one.pk) == team_id), None) or (offered[0] if offered else None)
        if team is None:
            if not may(person, "access.add_team"):
                raise KeyRefused("There is no team that a key could belong to. Ask an owner of this gateway for one.")
            team = Team.objects.create(name=_free(FIRST_TEAM, Team.objects.values_list("name", flat=True)))
        is_member = Membership.objects.filter(user_id=person.pk, team=team).exists()
        taken = ClientKey.objects.filter(team=team).values_list("name", flat=True)
        name = _free(person.get_username()[:70] if isinstance(person, User) else "first", taken)
        key = ClientKey(team=team, name=name, owner=person if is_member else None)
        return key, key_actions.create(person, key)


def _free(name: str, taken: Any) -> str:
    """Returns the name, or with the first number that makes it new."""
    known, number, found = set(taken), 1, name
    while found in known:
        number += 1
        found = f"{name} {number}"
    return found

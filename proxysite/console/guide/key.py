"""A client key made with one click. Its secret is in that one answer and nowhere else."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
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
from access.validation import free_name
from proxysite.console.guide.steps import routes_to_try
from proxysite.my.site import private
from proxysite.templatetags.figures import route_to_show

FIRST_TEAM = "Default team"
"""The team that is made where there is none."""
_MOST_TEAMS = 50


def teams(person: Any) -> list[Team]:
    """Returns the first of the enabled teams that somebody sees, their own before the others."""
    return list(_teams(person)[:_MOST_TEAMS])


def _teams(person: Any) -> QuerySet[Team]:
    is_own = Exists(Membership.objects.filter(team=OuterRef("pk"), user_id=person.pk))
    return visible(person, Team.objects.filter(enabled=True)).annotate(is_own=is_own).order_by("-is_own", "name")


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
    """Makes the key in the team of the reader's choice, or without one in the first; it is their own where they belong
    to it."""
    with transaction.atomic():
        # Of two clicks at once the second sees the first one's team and name.
        audit.lock()
        offered = _teams(person)
        if team_id:
            offered = offered.filter(pk=int(team_id) if team_id.isdecimal() and len(team_id) < 19 else 0)
        team = offered.first()
        if team is None and team_id:
            raise KeyRefused("This team was deleted or disabled meanwhile. Reload the page and choose another one.")
        if team is None:
            if not may(person, "access.add_team"):
                raise KeyRefused("There is no team that a key could belong to. Ask an owner of this gateway for one.")
            name = free_name(FIRST_TEAM, Team.objects.values_list("name", flat=True), between=" ")
            team = Team.objects.create(name=name)
        is_member = Membership.objects.filter(user_id=person.pk, team=team).exists()
        taken = ClientKey.objects.filter(team=team).values_list("name", flat=True)
        name = free_name(person.get_username()[:70] if isinstance(person, User) else "first", taken, between=" ")
        key = ClientKey(team=team, name=name, owner=person if is_member else None)
        return key, key_actions.create(person, key)

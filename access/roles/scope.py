"""What of a table somebody may see: lists, sums, filter choices, autocompletes and exports begin with `visible`."""

from __future__ import annotations

from typing import Any, TypeVar

from django.apps import apps
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from access.models import ClientKey, Membership
from access.roles.giving import team_role
from access.roles.table import PERMISSIONS_OF, ROLES_OF, Role

M = TypeVar("M", bound=Model)

_TEAM_AND_OWNER: dict[str, tuple[str, str]] = {
    "access.team": ("pk", ""),
    "access.membership": ("team_id", "user_id"),
    "access.invitation": ("team_id", "invited_by_id"),
    "access.clientkey": ("team_id", "owner_id"),
    "access.increaserequest": ("team_id", "user_id"),
    "usage.requestlog": ("team_id", "owner_id"),
    "usage.sessionsummary": ("team_id", "owner_id"),
    "usage.usagerollup": ("team_id", "owner_id"),
    "usage.dailyrollup": ("team_id", "owner_id"),
    "usage.monthrollup": ("team_id", "owner_id"),
    "usage.tagrollup": ("team_id", ""),
    "usage.clientrollup": ("team_id", ""),
    "usage.statement": ("team_id", ""),
}
"""model -> its fields with the team and with the person (empty: everybody in the team). What does not stand here is
seen by the whole site's readers alone."""
_ALLOWANCES = frozenset({"access.ratelimit", "access.budget"})
"""Models of limits and budgets: seen by whom they bind, and by the leads of the teams whose they are."""
_WINDOWS = "usage.budgetwindow"
"""What was spent of budgets: seen as the budgets are, and of each member's only their own."""
_OF_REQUESTS = {"usage.attemptlog": ("request_log_id", "usage.requestlog")}
"""model -> its field with the id of a row that has team and owner."""


def visible(person: Any, queryset: QuerySet[M]) -> QuerySet[M]:
    """Returns the rows of `queryset` that the person may see.

    Owners, administrators, auditors, and whoever was given the model's view permission by itself: all of them. A lead:
    those of their teams. A member: those that are their own in their teams (client keys of theirs and their usage), and
    the teams themselves. Everybody else, and for every other model: none. A person who is not active sees nothing.
    """
    meta = queryset.model._meta
    permission = f"{meta.app_label}.view_{meta.model_name}"
    if person.has_perm(permission):
        return queryset
    where = None if not person.is_active or person.pk is None else _in_teams(person, meta.label_lower, permission)
    return queryset.none() if where is None else queryset.filter(where)


def _in_teams(person: Any, label: str, permission: str) -> Q | None:
    """Returns the condition for rows that a membership shows, None for a model that hangs on no team."""
    if label in _OF_REQUESTS:
        field, of = _OF_REQUESTS[label]
        where = _in_teams(person, of, permission)
        # Not `IN`: SQLite would first read every request that the person may see.
        row = apps.get_model(of)._default_manager.filter(pk=OuterRef(field))
        return None if where is None else Q(Exists(row.filter(where)))
    if label in _ALLOWANCES:
        return _of_allowances(person)
    if label == _WINDOWS:
        return _of_windows(person)
    if label not in _TEAM_AND_OWNER:
        return None
    team, owner = _TEAM_AND_OWNER[label]
    roles = ROLES_OF.get(permission, frozenset())
    where = Q(pk__in=[])
    teams = _teams_of(person)
    if Role.LEAD in roles:
        where |= Q(**{f"{team}__in": _led(teams)})
    if Role.MEMBER in roles:
        where |= Q(**{f"{team}__in": list(teams)}) & (Q(**{owner: person.pk}) if owner else Q())
    return where


def _teams_of(person: Any) -> dict[int, str]:
    """As ids and not as a subquery, so that databases see how few rows these are."""
    return dict(Membership.objects.filter(user_id=person.pk).order_by("team_id").values_list("team_id", "role"))


def _led(teams: dict[int, str]) -> list[int]:
    return [team_id for team_id, role in teams.items() if role == Role.LEAD.value]


def _of_allowances(person: Any) -> Q:
    teams = _teams_of(person)
    own = Q(user_id=person.pk) | Q(key__owner_id=person.pk, key__team_id__in=list(teams))
    return own | Q(team_id__in=list(teams)) | Q(members_of_id__in=list(teams)) | Q(key__team_id__in=_led(teams))


def _of_windows(person: Any) -> Q:
    teams = _teams_of(person)
    keys = ClientKey.objects.filter(Q(owner_id=person.pk, team_id__in=list(teams)) | Q(team_id__in=_led(teams)))
    shared = Q(team_id__in=list(teams), owner_id=None)
    led = Q(team_id__in=_led(teams))
    return Q(owner_id=person.pk) | shared | led | Q(key_id__in=list(keys.values_list("pk", flat=True)))


def may_in_team(person: Any, permission: str, target: Any) -> bool:
    """Returns whether a membership gives the person `permission` for `target`: a team, or an object of one, saved or
    not. A lead acts for all of the team; a member for what is their own, and adds only what will be."""
    label = target._meta.label_lower
    if label in _OF_REQUESTS:
        field, of = _OF_REQUESTS[label]
        row = apps.get_model(of)._default_manager.filter(pk=getattr(target, field)).first()
        return row is not None and may_in_team(person, permission, row)
    if label in _ALLOWANCES:
        return _may_with_allowance(person, permission, target)
    if label == _WINDOWS:
        seen = type(target)._default_manager.filter(_of_windows(person), pk=target.pk)
        return permission == "usage.view_budgetwindow" and person.is_active and seen.exists()
    if label not in _TEAM_AND_OWNER:
        return False
    team, owner = _TEAM_AND_OWNER[label]
    role = team_role(person, getattr(target, team))
    if role is None or permission not in PERMISSIONS_OF[role]:
        return False
    return role is Role.LEAD or owner == "" or getattr(target, owner) == person.pk


def _may_with_allowance(person: Any, permission: str, target: Any) -> bool:
    """A limit or a budget is seen by whom it binds, and set, changed and removed by the leads of the team that it is
    inside of, where it is theirs: never what binds the team, or a person in all teams."""
    if permission == f"access.view_{target._meta.model_name}":
        seen = type(target)._default_manager.filter(_of_allowances(person), pk=target.pk)
        return bool(person.is_active) and seen.exists()
    team_id = target.key.team_id if target.key is not None else target.members_of_id
    if not target.leads_may_change or permission not in PERMISSIONS_OF[Role.LEAD]:
        return False
    return team_role(person, team_id) is Role.LEAD

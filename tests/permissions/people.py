"""People of each role, for tests: signed in, with a team of their own where the role is a team's."""

from __future__ import annotations

from django.contrib.auth.models import Permission, User
from django.test import Client

from access.models import ClientKey, Membership, Team
from access.roles.giving import set_role
from access.roles.table import TEAM_ROLES, Role


def person(role: Role | None, *permissions: str, team: str = "Search", name: str = "", **teams: str) -> User:
    """Makes somebody with a role (for the whole site, or in `team`) or, without one, with permissions one by one.

    `teams` are further teams, each with the role in it.
    """
    user = User.objects.create_user(name or f"{role or 'raw'}-{User.objects.count()}", is_staff=bool(permissions))
    if role in TEAM_ROLES:
        assert role is not None
        teams[team] = role.value
    else:
        set_role(user, role)
    for of, inside in teams.items():
        Membership.objects.create(team=Team.objects.get_or_create(name=of)[0], user=user, role=inside)
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return User.objects.get(pk=user.pk)


def signed_in(user: User | None) -> Client:
    """Returns the browser of somebody, or of nobody."""
    browser = Client(raise_request_exception=False)
    if user is not None:
        browser.force_login(user)
    return browser


def a_key(team: str, owner: User | None = None) -> ClientKey:
    """Makes a key of a team; without an owner a service key."""
    number = ClientKey.objects.count()
    return ClientKey.objects.create(
        team=Team.objects.get_or_create(name=team)[0],
        owner=owner,
        name=f"key {number}",
        prefix="sk-px-abcd",
        hash=f"{number:064d}",
    )

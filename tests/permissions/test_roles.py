"""Roles: one table says what each may do, a membership says it for one team, and the site keeps an owner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from access.models import Budget, ClientKey, Invitation, Membership, RateLimit, SiteRole, Team
from access.permissions import EXPORT, GIVE_RIGHTS, may
from access.roles.giving import role_of, set_role
from access.roles.scope import visible
from access.roles.table import ROLES_OF, SENTENCES, Role
from tests.admin.history import attempt_row, request_row
from tests.admin.secrets.carrying import permissions
from tests.permissions.people import a_key, person
from usage.models import AttemptLog, RequestLog
from usage.rollups.models import DailyRollup, SessionSummary, UsageRollup

pytestmark = pytest.mark.django_db


def test_every_permission_stands_in_the_table_and_nothing_else_does() -> None:
    assert set(ROLES_OF) == set(permissions()), "write new permissions into access/roles/table.py"
    assert [name for name, roles in ROLES_OF.items() if Role.OWNER not in roles] == []
    assert set(SENTENCES) == set(Role)


def test_the_auditor_reads_everything_and_nothing_more() -> None:
    auditor = person(Role.AUDITOR, name="auditor")
    had = auditor.get_all_permissions()
    assert {name for name in had if ".view_" not in name} == set()
    assert {name for name in permissions() if ".view_" in name} - had == {"sessions.view_session"}


def test_only_owners_change_people_export_and_name_variables() -> None:
    root, administrator, auditor = (
        person(role, name=role.value) for role in (Role.OWNER, Role.ADMINISTRATOR, Role.AUDITOR)
    )
    for permission in (
        *(GIVE_RIGHTS, EXPORT, "providers.name_variable", "access.change_siterole", "auth.change_user"),
        *("access.add_membership", "access.change_membership", "access.add_invitation"),
    ):
        assert [may(one, permission) for one in (root, administrator, auditor)] == [True, False, False], permission
    assert may(administrator, "providers.change_provider")
    assert not may(AnonymousUser(), "access.view_team")


def test_a_role_is_given_and_taken_with_what_hangs_on_it() -> None:
    person(Role.OWNER, name="root")
    user = person(None, name="mia")
    assert (user.is_staff, role_of(user)) == (False, None)
    for role in (Role.ADMINISTRATOR, Role.AUDITOR, Role.OWNER, Role.ADMINISTRATOR):
        set_role(user, role)
        user = User.objects.get(pk=user.pk)
        assert (user.is_staff, role_of(user), user.is_superuser) == (True, role, role is Role.OWNER)
        assert SiteRole.objects.count() == (role is not Role.OWNER)
        assert user.has_perm("providers.change_provider") == (role is not Role.AUDITOR)
    user.user_permissions.add(Permission.objects.get(codename="view_team"))
    set_role(user, None)
    user = User.objects.get(pk=user.pk)
    assert (user.is_staff, user.get_all_permissions()) == (True, {"access.view_team"})
    user.user_permissions.clear()
    set_role(user, Role.AUDITOR)
    set_role(user, None)
    assert (user.is_staff, SiteRole.objects.count()) == (False, 0)
    for wrong in (Role.LEAD, "leader"):
        with pytest.raises(ValueError, match="lead"):
            set_role(user, wrong)


def test_a_role_ends_with_the_account_and_with_staff_status() -> None:
    for field in ("is_active", "is_staff"):
        user = person(Role.ADMINISTRATOR, name=field)
        User.objects.filter(pk=user.pk).update(**{field: False})
        user = User.objects.get(pk=user.pk)
        assert (role_of(user), user.get_all_permissions()) == (None, set())


def test_a_lead_acts_in_the_team_and_a_member_on_what_is_theirs() -> None:
    lead, member = (
        person(None, name="lead", Search="lead", Support="member"),
        person(None, name="member", Search="member"),
    )
    search, support = Team.objects.get(name="Search"), Team.objects.get(name="Support")
    own, service, elsewhere = a_key("Search", member), a_key("Search"), a_key("Support")

    def both(permission: str, target: object) -> tuple[bool, bool]:
        return may(lead, permission, target), may(member, permission, target)

    assert both("access.change_clientkey", own) == (True, True)
    assert both("access.change_clientkey", service) == (True, False)
    assert both("access.change_clientkey", elsewhere) == (False, False)
    assert both("access.add_clientkey", search) == (True, True)
    assert both("access.add_clientkey", ClientKey(team=search, owner=member)) == (True, True)
    assert both("access.add_clientkey", ClientKey(team=search)) == (True, False)
    assert both("access.add_clientkey", ClientKey(team=support, owner=member)) == (False, False)
    assert both("access.add_membership", search) == (True, False)
    assert both("access.add_invitation", Invitation(team=search)) == (True, False)
    assert both("access.change_team", search) == (False, False)
    assert both("access.move_clientkey", own) == (False, False)
    assert both("access.change_clientkey", None) == (False, False)
    assert both("access.view_team", None) == (False, False)
    row = RequestLog.objects.get(pk=request_row(team_id=search.pk, owner_id=member.pk))
    others = RequestLog.objects.get(pk=request_row(team_id=search.pk))
    assert both("usage.view_requestlog", row) == (True, True)
    assert both("usage.view_requestlog", others) == (True, False)
    assert both("usage.view_attemptlog", AttemptLog.objects.get(pk=attempt_row(others.pk))) == (True, False)
    User.objects.filter(pk=lead.pk).update(is_active=False)
    assert not may(User.objects.get(pk=lead.pk), "access.change_clientkey", own)


@pytest.mark.parametrize("kind", [Budget, RateLimit])
def test_a_lead_changes_what_leads_set_inside_their_team(kind: Any) -> None:
    lead, member = person(None, name="lead", Search="lead", Support="member"), person(None, name="m", Search="member")
    search, support = Team.objects.get(name="Search"), Team.objects.get(name="Support")
    label = kind._meta.model_name
    for verb in ("add", "change", "delete"):
        permission = f"access.{verb}_{label}"

        def both(permission: str = permission, theirs: bool = True, **whom: Any) -> tuple[bool, bool]:
            target = kind(**whom, leads_may_change=theirs)
            return may(lead, permission, target), may(member, permission, target)

        assert both(key=a_key("Search")) == both(key=a_key("Search", member)) == (True, False)
        assert both(members_of=search) == (True, False)
        # What an administrator set, the team's own, a person's in all teams, another team's.
        assert both(members_of=search, theirs=False) == both(key=a_key("Search"), theirs=False) == (False, False)
        assert both(team=search) == both(user=lead) == both(user=member) == both() == (False, False)
        assert both(key=a_key("Support")) == both(members_of=support) == (False, False)
        assert may(person(Role.ADMINISTRATOR, name=f"administrator {verb}"), permission, kind(team=search))
        assert not may(person(Role.AUDITOR, name=f"auditor {verb}"), permission, kind(members_of=search))
    User.objects.filter(pk=lead.pk).update(is_active=False)
    target = kind(members_of=search, leads_may_change=True)
    assert not may(User.objects.get(pk=lead.pk), f"access.change_{label}", target)


@pytest.mark.parametrize("kind", [Budget, RateLimit])
def test_the_database_holds_that_leads_change_nothing_of_their_teams_own(kind: Any) -> None:
    lead = person(None, name="lead", Search="lead")
    amount = {"amount": 5} if kind is Budget else {"measure": "requests", "most": 5}
    for whom in ({"user": lead}, {"team": Team.objects.get()}):
        with pytest.raises(IntegrityError), transaction.atomic():
            kind.objects.create(**whom, **amount, leads_may_change=True)
        with pytest.raises(ValidationError, match="Leads change only"):
            kind(**whom, **amount, leads_may_change=True).full_clean()


def test_each_sees_what_is_theirs() -> None:
    lead, member = (
        person(None, name="lead", Search="lead"),
        person(None, name="member", Search="member", Support="member"),
    )
    search, support = Team.objects.get(name="Search"), Team.objects.get(name="Support")
    keys = {"own": a_key("Search", member), "service": a_key("Search"), "elsewhere": a_key("Support")}
    for name, key in keys.items():
        row = request_row(team_id=key.team_id, key_id=key.pk, key_name=name, owner_id=key.owner_id, session_id=name)
        attempt_row(row, provider_name=name)

    def seen(person: User, model: Any, field: str) -> set[str]:
        return set(visible(person, model._default_manager.all()).values_list(field, flat=True)) - {""}

    whole = [
        person(Role.AUDITOR, name="auditor"),
        person(Role.ADMINISTRATOR, name="administrator"),
        person(Role.OWNER, name="root"),
    ]
    for model, field in (
        *((RequestLog, "key_name"), (AttemptLog, "provider_name"), (SessionSummary, "key_name")),
        *((UsageRollup, "key_name"), (DailyRollup, "key_name")),
    ):
        assert seen(lead, model, field) == {"own", "service"}, model
        assert seen(member, model, field) == {"own"}, model
        assert [seen(one, model, field) for one in whole] == [set(keys)] * 3, model
    assert set(visible(lead, Team.objects.all())) == {search}
    assert set(visible(member, Team.objects.all())) == {search, support}
    assert set(visible(lead, ClientKey.objects.all())) == {keys["own"], keys["service"]}
    assert set(visible(member, ClientKey.objects.all())) == {keys["own"]}
    assert visible(lead, Membership.objects.all()).count() == 2
    assert {one.user for one in visible(member, Membership.objects.all())} == {member}
    assert not visible(lead, User.objects.all()).exists()
    for nobody in (AnonymousUser(), User.objects.create_user("nobody")):
        assert not visible(nobody, ClientKey.objects.all()).exists()
    Membership.objects.filter(user=member, team=search).delete()
    assert seen(member, RequestLog, "key_name") == set()


def test_permissions_given_one_by_one_show_the_whole_site() -> None:
    user = User.objects.create_user("clerk", is_staff=True)
    group = Group.objects.create(name="readers")
    group.permissions.add(Permission.objects.get(codename="view_clientkey"))
    user.groups.add(group)
    key = a_key("Search")
    assert set(visible(user, ClientKey.objects.all())) == {key}
    assert not visible(user, Team.objects.all()).exists()


def test_whoever_may_change_users_touches_no_lead_and_no_administrator() -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "add_membership"]))
    off = person(Role.AUDITOR, name="off")
    User.objects.filter(pk=off.pk).update(is_staff=False, is_active=False)
    above = [
        person(None, name="lead", Search="lead"),
        person(None, name="member", Search="member"),
        person(Role.AUDITOR, name="auditor"),
        off,
    ]
    assert [may(clerk, "auth.change_user", User.objects.get(pk=one.pk)) for one in above] == [False] * 4
    assert may(clerk, "auth.change_user", person(None, name="plain"))
    assert not may(clerk, "access.add_membership", Team.objects.get(name="Search"))


def _off(user: User) -> User:
    user.is_active = False
    return user


def _switch_off(user: User) -> None:
    _off(user).save()


@pytest.mark.both_databases
def test_the_last_owner_stays() -> None:
    first, second = person(Role.OWNER, name="first"), person(Role.OWNER, name="second")
    User.objects.create_superuser("gone", is_active=False)
    with pytest.raises(ValidationError, match="last owner"), transaction.atomic():
        User.objects.filter(is_superuser=True).delete()
    assert User.objects.filter(is_superuser=True).count() == 3
    set_role(second, Role.AUDITOR)
    changes: dict[str, Callable[[User], object]] = {
        "demoted": lambda user: set_role(user, Role.ADMINISTRATOR),
        "no role": lambda user: set_role(user, None),
        "switched off": _switch_off,
        "deleted": lambda user: user.delete(),
        "all deleted": lambda user: User.objects.all().delete(),
        "demoted by a query": lambda user: User.objects.filter(pk=user.pk).update(is_superuser=False),
        "switched off by a query": lambda user: User.objects.update(is_active=False),
        "in bulk": lambda user: User.objects.bulk_update([_off(user)], ["is_active"]),
    }
    for name, change in changes.items():
        with pytest.raises(ValidationError, match="last owner"), transaction.atomic():
            change(first)
        first = User.objects.get(username="first")
        assert (first.is_active, role_of(first)) == (True, Role.OWNER), name
    first.save()
    set_role(second, Role.OWNER)
    first.delete()


def test_a_command_gives_roles_and_keeps_the_last_owner(capsys: Any) -> None:
    root = person(Role.OWNER, name="root")
    call_command("set_role", "root", "owner")
    for role in ("auditor", "none"):
        with pytest.raises(CommandError, match="last owner"):
            call_command("set_role", "root", role)
    with pytest.raises(CommandError, match="no user 'mia'"):
        call_command("set_role", "mia", "auditor")
    mia = person(None, name="mia")
    call_command("set_role", "mia", "auditor")
    assert "mia is auditor now." in capsys.readouterr().out
    assert [role_of(User.objects.get(pk=one.pk)) for one in (root, mia)] == [Role.OWNER, Role.AUDITOR]

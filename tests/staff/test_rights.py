"""Nobody gives what they do not have: forms, forged fields, passwords, deletion, actions and groups, by people who have
every permission over users and groups and are no superusers."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from tests.admin.pages import form_of, staff, text_of

pytestmark = pytest.mark.django_db

OVER_USERS = tuple(
    f"auth.{verb}_{model}" for verb in ("view", "add", "change", "delete") for model in ("user", "group", "permission")
)
PASSWORD = {"password1": "another-long-word-3", "password2": "another-long-word-3", "usable_password": "true"}
ABOVE = ("superuser", "superuser_off", "by_permission", "by_permission_off", "by_group")


def _may(codename: str) -> Permission:
    return Permission.objects.get(codename=codename)


@pytest.fixture
def clerk() -> Client:
    """The browser of somebody with every permission over users and groups, and no other."""
    return staff(*OVER_USERS)


@pytest.fixture
def group() -> Group:
    """A group that may change providers."""
    group = Group.objects.create(name="providers")
    group.permissions.add(_may("change_provider"))
    return group


@pytest.fixture
def people(group: Group) -> dict[str, User]:
    """One person of each kind, by name."""
    made = {
        "superuser": User.objects.create_superuser("superuser", password="x"),
        "superuser_off": User.objects.create_superuser("superuser_off", password="x", is_active=False),
        "by_permission": User.objects.create_user("by_permission", password="x", is_staff=True),
        "by_permission_off": User.objects.create_user("by_permission_off", password="x", is_active=False),
        "by_group": User.objects.create_user("by_group", password="x", is_staff=True),
        "equal": User.objects.create_user("equal", password="x", is_staff=True),
        "plain": User.objects.create_user("plain", password="x"),
    }
    made["by_permission"].user_permissions.add(_may("view_provider"))
    made["by_permission_off"].user_permissions.add(_may("view_provider"))
    made["by_group"].groups.add(group)
    made["equal"].user_permissions.add(_may("change_user"))
    return made


def _row(user: User) -> Any:
    return (
        User.objects.filter(pk=user.pk).values().first(),
        sorted(user.groups.values_list("pk", flat=True)),
        sorted(user.user_permissions.values_list("pk", flat=True)),
    )


def _me(browser: Client) -> User:
    return User.objects.get(pk=browser.session["_auth_user_id"])


def _url(user: User, page: str = "change") -> str:
    return f"/admin/auth/user/{user.pk}/{page}/"


def _forged(group: Group) -> dict[str, dict[str, Any]]:
    return {
        "is_superuser": {"is_superuser": "on"},
        "role": {"role": "owner"},
        "groups": {"groups": [group.pk]},
        "user_permissions": {"user_permissions": [_may("change_provider").pk]},
    }


@pytest.mark.parametrize("field", ["is_superuser", "role", "groups", "user_permissions"])
@pytest.mark.parametrize("whose", ["me", "equal", "plain", "new"])
def test_a_forged_field_that_gives_rights_is_refused_and_changes_nothing(
    clerk: Client, people: dict[str, User], group: Group, field: str, whose: str
) -> None:
    forged = _forged(group)[field]
    if whose == "new":
        answer = clerk.post("/admin/auth/user/add/", {"username": "fresh", **PASSWORD, **forged})
        assert answer.status_code == 403
        assert not User.objects.filter(username="fresh").exists()
        return
    user = _me(clerk) if whose == "me" else people[whose]
    before = _row(user)
    page = clerk.get(_url(user))
    answer = clerk.post(_url(user), {**form_of(page), "first_name": "Changed", **forged})
    assert answer.status_code == 403
    assert "Only owners give roles" in text_of(answer)
    assert _row(user) == before


def test_rights_that_are_taken_away_by_a_forged_field_stay(clerk: Client) -> None:
    me = _me(clerk)
    before = _row(me)
    assert clerk.post(_url(me), {**form_of(clerk.get(_url(me))), "user_permissions": ""}).status_code == 403
    assert _row(me) == before


def test_who_may_change_users_still_changes_what_is_theirs_to_change(clerk: Client, people: dict[str, User]) -> None:
    for name in ("equal", "plain"):
        user = people[name]
        before = _row(user)[1:]
        sent = form_of(clerk.get(_url(user)))
        assert not sent.keys() & {"is_superuser", "role", "groups", "user_permissions"}
        assert clerk.post(_url(user), {**sent, "first_name": "Changed"}).status_code == 302
        assert User.objects.get(pk=user.pk).first_name == "Changed"
        assert _row(user)[1:] == before
        assert clerk.post(_url(user, "password"), PASSWORD).status_code == 302
        assert User.objects.get(pk=user.pk).check_password(PASSWORD["password1"])
    assert clerk.post("/admin/auth/user/add/", {"username": "fresh", **PASSWORD}).status_code == 302
    fresh = User.objects.get(username="fresh")
    assert (fresh.is_superuser, fresh.get_all_permissions()) == (False, set())


@pytest.mark.parametrize("name", ABOVE)
def test_nobody_touches_who_has_more(clerk: Client, people: dict[str, User], name: str) -> None:
    user = people[name]
    before = _row(user)
    page = clerk.get(_url(user))
    assert page.status_code == 200
    assert 'name="_save"' not in page.content.decode()
    assert user.password not in page.content.decode()
    assert "This user has rights that you do not have" in text_of(page)
    sent = {"username": name, "email": "mine@example.com", "is_active": "on", "is_staff": "on"}
    attempts = {
        "form": clerk.post(_url(user), sent),
        "deactivated": clerk.post(_url(user), {"username": name}),
        "password page": clerk.get(_url(user, "password")),
        "password": clerk.post(_url(user, "password"), PASSWORD),
        "no password": clerk.post(_url(user, "password"), {"usable_password": "false", "unset-password": "1"}),
        "deletion page": clerk.get(_url(user, "delete")),
        "deletion": clerk.post(_url(user, "delete"), {"post": "yes"}),
    }
    assert {what: answer.status_code for what, answer in attempts.items()} == dict.fromkeys(attempts, 403)
    action = {"action": "delete_selected", "_selected_action": [user.pk, people["plain"].pk], "post": "yes"}
    assert clerk.post("/admin/auth/user/", action).status_code == 403
    assert _row(user) == before
    assert User.objects.filter(username="plain").exists()
    assert not LogEntry.objects.exists()


def test_a_selection_is_deleted_where_nobody_in_it_has_more(clerk: Client, people: dict[str, User]) -> None:
    chosen = [people["plain"].pk, people["equal"].pk]
    clerk.post("/admin/auth/user/", {"action": "delete_selected", "_selected_action": chosen, "post": "yes"})
    assert not User.objects.filter(pk__in=chosen).exists()


def test_the_list_changes_nothing(clerk: Client, people: dict[str, User]) -> None:
    user = people["plain"]
    before = _row(user)
    sent = {
        "form-TOTAL_FORMS": 1,
        "form-INITIAL_FORMS": 1,
        "form-0-id": user.pk,
        "form-0-is_superuser": "on",
        "form-0-is_staff": "on",
        "_save": "Save",
    }
    clerk.post("/admin/auth/user/", sent)
    clerk.post(_url(user, "history"), sent)
    assert _row(user) == before


def test_groups_are_changed_by_owners_alone(clerk: Client, group: Group) -> None:
    empty = Group.objects.create(name="empty")
    more = {"name": "mine", "permissions": [_may("change_provider").pk]}
    for one in (group, empty):
        page = clerk.get(f"/admin/auth/group/{one.pk}/change/")
        assert page.status_code == 200
        assert 'name="_save"' not in page.content.decode()
        assert clerk.post(f"/admin/auth/group/{one.pk}/change/", more).status_code == 403
        assert clerk.post(f"/admin/auth/group/{one.pk}/delete/", {"post": "yes"}).status_code == 403
    assert clerk.post("/admin/auth/group/add/", more).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [group.pk, empty.pk], "post": "yes"}
    clerk.post("/admin/auth/group/", action)
    assert {one.name: one.permissions.count() for one in Group.objects.all()} == {"providers": 1, "empty": 0}


def test_an_owner_gives_and_takes_everything(admin_client: Client, people: dict[str, User], group: Group) -> None:
    user = people["plain"]
    sent = form_of(admin_client.get(_url(user))) | {"role": "owner", "groups": [group.pk]}
    assert admin_client.post(_url(user), sent | {"user_permissions": [_may("view_team").pk]}).status_code == 302
    user.refresh_from_db()
    assert (user.is_superuser, list(user.groups.all())) == (True, [group])
    assert [one.codename for one in user.user_permissions.all()] == ["view_team"]
    assert admin_client.post(_url(people["superuser"], "password"), PASSWORD).status_code == 302
    assert admin_client.post(_url(people["superuser"], "delete"), {"post": "yes"}).status_code == 302
    new = {"name": "auditors", "permissions": [_may("view_team").pk]}
    assert admin_client.post("/admin/auth/group/add/", new).status_code == 302
    assert admin_client.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"}).status_code == 302
    assert [one.name for one in Group.objects.all()] == ["auditors"]

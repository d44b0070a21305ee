"""The pages of users and teams: roles and memberships are given by owners alone, and the last owner stays."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from access.models import Membership, Team
from access.roles.giving import role_of, set_role
from access.roles.table import SENTENCES, Role
from tests.admin.pages import errors_of, form_of, links_of, text_of

pytestmark = pytest.mark.django_db


def _signed_in(role: Role | None, *permissions: str) -> Client:
    user = User.objects.create_user(f"{role or 'raw'}-{User.objects.count()}", is_staff=True)
    set_role(user, role)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(user)
    return browser


def _url(user: User, page: str = "change") -> str:
    return f"/admin/auth/user/{user.pk}/{page}/"


def _me(browser: Client) -> User:
    return User.objects.get(pk=browser.session["_auth_user_id"])


def _new_team(**form: Any) -> dict[str, Any]:
    return {**form, "memberships-TOTAL_FORMS": 1, "memberships-0-id": "", "memberships-0-role": "lead"}


def test_an_owner_gives_each_role_on_the_page_of_a_user() -> None:
    owner, mia = _signed_in(Role.OWNER), User.objects.create_user("mia", is_staff=True)
    mia.user_permissions.add(Permission.objects.get(codename="view_team"))
    page = owner.get(_url(mia))
    for role in Role:
        assert f"{role.label}: {SENTENCES[role]}" in text_of(page)
    for chosen in ("administrator", "auditor", "owner", "auditor"):
        sent = form_of(owner.get(_url(mia)))
        assert owner.post(_url(mia), {**sent, "role": chosen}).status_code == 302
        mia = User.objects.get(pk=mia.pk)
        assert (role_of(mia), mia.is_staff) == (Role(chosen), True)
    sent = form_of(owner.get(_url(mia)))
    assert sent["role"] == "auditor"
    owner.post(_url(mia), {name: value for name, value in sent.items() if name != "role"})
    assert role_of(User.objects.get(pk=mia.pk)) == Role.AUDITOR
    owner.post(_url(mia), {**sent, "role": ""})
    mia = User.objects.get(pk=mia.pk)
    assert (role_of(mia), mia.is_staff, mia.get_all_permissions()) == (None, True, {"access.view_team"})
    for chosen in ("auditor", ""):
        sent = form_of(owner.get(_url(mia)))
        without = {name: value for name, value in sent.items() if name != "user_permissions"}
        assert owner.post(_url(mia), {**without, "role": chosen}).status_code == 302
    assert not User.objects.get(pk=mia.pk).is_staff


def test_the_last_owner_stays_and_the_page_says_why_beside_the_field() -> None:
    owner = _signed_in(Role.OWNER)
    me = _me(owner)
    sent = form_of(owner.get(_url(me)))
    assert list(errors_of(owner.post(_url(me), {**sent, "role": "auditor"}))) == ["role"]
    off = {name: value for name, value in sent.items() if name != "is_active"}
    assert errors_of(owner.post(_url(me), off)) == {
        "is_active": ["This is the last owner who can sign in. Make somebody else an owner first."]
    }
    for answer in (
        owner.post(_url(me, "delete"), {"post": "yes"}, follow=True),
        owner.get(_url(me, "delete"), follow=True),
        owner.post(
            "/admin/auth/user/",
            {"action": "delete_selected", "_selected_action": [me.pk], "post": "yes"},
            follow=True,
        ),
    ):
        assert "This is the last owner" in text_of(answer)
    assert role_of(_me(owner)) == Role.OWNER
    set_role(User.objects.create_user("second"), Role.OWNER)
    assert owner.post(_url(me), {**sent, "role": "auditor"}).status_code == 302
    assert role_of(_me(owner)) == Role.AUDITOR


def test_owners_change_memberships_and_others_see_them() -> None:
    owner, mia = _signed_in(Role.OWNER), User.objects.create_user("mia")
    team = Team.objects.create(name="Search")
    added = _new_team(**form_of(owner.get(_url(mia))), **{"memberships-0-team": team.pk, "memberships-0-user": mia.pk})
    assert owner.post(_url(mia), added).status_code == 302
    assert Membership.objects.get().role == "lead"
    assert "Search (lead)" in text_of(owner.get("/admin/auth/user/"))
    page = f"/admin/access/team/{team.pk}/change/"
    sent = form_of(owner.get(page))
    assert owner.post(page, {**sent, "memberships-0-role": "member"}).status_code == 302
    assert Membership.objects.get().role == "member"
    for browser in (_signed_in(Role.ADMINISTRATOR), _signed_in(Role.AUDITOR)):
        for url in (page, _url(mia)):
            shown = browser.get(url)
            assert "Member" in text_of(shown)
            assert 'name="memberships-0-role"' not in shown.content.decode()
            browser.post(url, {**sent, "memberships-0-role": "lead"})
        assert Membership.objects.get().role == "member"
    clerk = _signed_in(None, "view_team", "change_team", "change_user", "add_membership", "change_membership")
    clerk.post(page, {**sent, "memberships-0-role": "lead"})
    clerk.post(_url(_me(clerk)), _new_team(**form_of(clerk.get(_url(_me(clerk)))), **{"memberships-0-team": team.pk}))
    assert list(Membership.objects.values_list("user__username", "role")) == [("mia", "member")]
    assert owner.post(page, {**sent, "memberships-0-DELETE": "on"}).status_code == 302
    assert not Membership.objects.exists()


def test_who_has_no_right_over_memberships_sees_none() -> None:
    mia = User.objects.create_user("mia")
    team = Team.objects.create(name="Secret team")
    Membership.objects.create(team=team, user=mia)
    clerk = _signed_in(None, "view_user")
    for url in (_url(mia), "/admin/auth/user/"):
        assert "Secret team" not in text_of(clerk.get(url))


def test_the_list_is_filtered_by_role() -> None:
    owner = _signed_in(Role.OWNER)
    for role in (Role.ADMINISTRATOR, Role.AUDITOR, None):
        set_role(User.objects.create_user(f"the {role or 'plain one'}"), role)
    for chosen, name in {
        "administrator": "the administrator",
        "auditor": "the auditor",
        "none": "the plain one",
    }.items():
        rows = links_of(owner.get(f"/admin/auth/user/?role={chosen}"))
        assert {text for text in rows if text.startswith("the ")} == {name}


def test_administrators_and_auditors_change_nobody() -> None:
    mia = User.objects.create_user("mia")
    for role in (Role.ADMINISTRATOR, Role.AUDITOR):
        browser = _signed_in(role)
        assert browser.get(_url(mia)).status_code == 200
        for page in ("change", "password", "delete"):
            assert browser.post(_url(mia, page), {"username": "x", "role": "owner", "post": "yes"}).status_code == 403
        assert browser.get("/admin/auth/user/add/").status_code == 403
    assert role_of(User.objects.get(pk=mia.pk)) is None

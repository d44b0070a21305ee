"""Members of staff give nobody what they do not have: no rank, no permission, no way in for who has more."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission

from access.models import ClientKey
from tests.attack.rig.rig import Rig
from tests.attack.rig.staff import make_staff
from tests.harness.configure import unique
from tests.harness.forms import delete_users

_EVERYTHING_ABOUT_USERS = (
    *("auth.view_user", "auth.add_user", "auth.change_user", "auth.delete_user"),
    *("auth.view_group", "auth.add_group", "auth.change_group", "auth.delete_group"),
)


@pytest.mark.parametrize("permissions", [("auth.change_user",), _EVERYTHING_ABOUT_USERS])
def test_nobody_raises_himself(permissions: tuple[str, ...], rig: Rig) -> None:
    wanted = Permission.objects.get(codename="change_provider")
    group = Group.objects.create(name=unique("group"))
    group.permissions.add(wanted)
    with rig.signed_in(*permissions) as browser:
        user = browser.user
        page = f"/admin/auth/user/{user.pk}/change/"
        for more in (
            {"is_superuser": "on"},
            {"role": "owner"},
            {"user_permissions": [str(wanted.pk)]},
            {"groups": [str(group.pk)]},
        ):
            browser.submit(page, **more)
            browser.submit(page, **more, _save="Save")
        browser.submit(f"/admin/auth/group/{group.pk}/change/", permissions=[str(wanted.pk)], name="raised")
        user = get_user_model().objects.get(pk=user.pk)
        assert not user.is_superuser
        assert user.get_all_permissions() == set(permissions)
    group.delete()


def test_nobody_changes_who_has_more(rig: Rig) -> None:
    above = make_staff([], superuser=True)
    above.set_password("the-old-long-password-1")
    above.save()
    with rig.signed_in(*_EVERYTHING_ABOUT_USERS) as browser:
        new = {"password1": "a-new-long-password-2", "password2": "a-new-long-password-2", "usable_password": "true"}
        for path in ("password/", "change/", "delete/"):
            answer = browser.submit(f"/admin/auth/user/{above.pk}/{path}", **new, email="x@evil.example", post="yes")
            assert answer.status_code in (302, 403), path
        action = {"action": "delete_selected", "_selected_action": [str(above.pk)], "post": "yes"}
        browser.submit("/admin/auth/user/", **action)
    still = get_user_model().objects.get(pk=above.pk)
    assert still.check_password("the-old-long-password-1")
    assert still.email == above.email
    delete_users(pk=above.pk)


def test_a_key_stays_with_its_team(rig: Rig) -> None:
    with rig.configure():
        mine, other = rig.new_key(), rig.new_key()
    with rig.signed_in("access.view_clientkey", "access.change_clientkey", "access.view_team") as browser:
        browser.submit(f"/admin/access/clientkey/{mine.row.pk}/change/", team=str(other.row.team_id), _save="Save")
    assert ClientKey.objects.get(pk=mine.row.pk).team_id == mine.row.team_id

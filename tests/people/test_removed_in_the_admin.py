"""An owner takes a membership away on the page of a team or of a person: the keys of it are revoked, as by a lead."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from access.models import AuditEntry, ClientKey, Membership, Team
from tests.admin.pages import form_of, text_of
from tests.harness.configure import make_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="Blue")


@pytest.fixture
def mia(team: Team) -> User:
    """In two teams."""
    user = User.objects.create_user("mia")
    for one in (team, Team.objects.create(name="Red")):
        Membership.objects.create(team=one, user=user)
        make_key(one, owner=user, name=f"{one} laptop")
    return user


def _sent(browser: Client, row: Any, **changes: str) -> Any:
    url = f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"
    sent = {**form_of(browser.get(url)), **{f"memberships-0-{name}": value for name, value in changes.items()}}
    return browser.post(url, sent, follow=True)


@pytest.mark.parametrize("page", ["team", "person"])
def test_keys_are_revoked_with_the_membership_and_stay_so(
    page: str, team: Team, mia: User, admin_client: Client
) -> None:
    make_key(team, name="CI")
    answer = _sent(admin_client, team if page == "team" else mia, DELETE="on")
    assert "mia is no member of Blue any more. Their keys of this team are revoked." in text_of(answer)
    assert [one.team.name for one in mia.memberships.all()] == ["Red"]
    Membership.objects.create(team=team, user=mia)
    assert [key.name for key in ClientKey.objects.filter(revoked_at=None)] == ["CI", "Red laptop"]
    entries = AuditEntry.objects.filter(object_type__in=("access.clientkey", "access.membership"), person_name="admin")
    assert list(entries.order_by("number").values_list("action", flat=True)) == ["revoked", "deleted"]


@pytest.mark.parametrize("page", ["team", "person"])
def test_a_membership_is_not_turned_into_another(page: str, team: Team, mia: User, admin_client: Client) -> None:
    other, green = User.objects.create_user("noah"), Team.objects.create(name="Green")
    if page == "team":
        _sent(admin_client, team, user=str(other.pk), role="lead")
    else:
        _sent(admin_client, mia, team=str(green.pk), role="lead")
    assert {(one.team.name, one.user.username) for one in Membership.objects.all()} == {("Blue", "mia"), ("Red", "mia")}
    assert Membership.objects.get(team=team).role == "lead"


@pytest.mark.parametrize("page", ["team", "person"])
def test_what_goes_with_a_team_or_a_person_leaves_no_key(
    page: str, team: Team, mia: User, admin_client: Client
) -> None:
    row: Any = team if page == "team" else mia
    url = f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/delete/"
    assert admin_client.post(url, {"post": "yes"}).status_code == 302
    assert not ClientKey.objects.filter(**({"team": team.pk} if page == "team" else {"owner": mia.pk})).exists()

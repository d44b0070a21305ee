"""Saved views of the explorer: relative, shared with a team, and changed by their owner and administrators alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from access.audit.models import AuditEntry
from access.models import Membership, Team
from tests.admin.pages import links_of, staff, text_of
from usage.reports.explore.models import SavedView

pytestmark = pytest.mark.django_db

PAGE, SAVE = "/admin/console/explorer/", "/admin/console/explorer/views/"
QUERY = "?range=7d&metric=refused&group=team"
READS = ("usage.view_requestlog", "usage.add_savedview")


def _save(browser: Client, name: str = "Refusals", query: str = QUERY, **fields: Any) -> Any:
    return browser.post(SAVE, {"name": name, "query": query, **fields}, follow=True)


def _of(browser: Client) -> User:
    return User.objects.get(pk=browser.session["_auth_user_id"])


def _view(**fields: Any) -> SavedView:
    owner = User.objects.get_or_create(username="mia")[0]
    return SavedView.objects.create(**{"name": "Costs", "query": QUERY, "owner": owner, **fields})


def test_a_view_leads_back_to_its_question_with_its_range_relative(admin_client: Client) -> None:
    saved = _save(admin_client)
    assert "Saved as Refusals." in text_of(saved)
    assert SavedView.objects.get().query == QUERY
    page: Any = admin_client.get(PAGE)
    assert admin_client.get(PAGE + links_of(page)["Refusals"]).context["form"]["metric"] == "refused"
    assert [choice.is_shown for choice in saved.context["menu"]["mine"]] == [True]
    assert AuditEntry.objects.filter(action="created", object_type="usage.savedview").exists()


def test_a_view_is_renamed_shared_and_deleted(admin_client: Client) -> None:
    team = Team.objects.create(name="Blue")
    _save(admin_client)
    address = f"{SAVE}{SavedView.objects.get().pk}/"
    page = text_of(admin_client.post(address, {"name": "Nos", "team": team.pk}, follow=True))
    assert "Nos shared with Blue" in page
    admin_client.post(address, {"delete": "1"})
    assert not SavedView.objects.exists()
    actions = AuditEntry.objects.filter(object_type="usage.savedview").order_by("number")
    assert [entry.action for entry in actions] == ["created", "changed", "deleted"]


def test_a_name_is_taken_once_by_each_owner(admin_client: Client) -> None:
    _view(name="Refusals")
    _save(admin_client)
    assert "There is a view Refusals already. Choose another name." in text_of(_save(admin_client))
    assert SavedView.objects.count() == 2
    view = SavedView.objects.get(owner__username="admin")
    assert admin_client.post(f"{SAVE}{view.pk}/", {"name": "Refusals"}).status_code == 302


def test_a_view_of_a_team_is_seen_by_its_members_who_may_see_the_explorer() -> None:
    team, other = Team.objects.create(name="Blue"), Team.objects.create(name="Red")
    inside, outside = staff(*READS), staff(*READS)
    Membership.objects.create(user=_of(inside), team=team, role="member")
    Membership.objects.create(user=_of(outside), team=other, role="member")
    shared, private = _view(team=team), _view(name="Mine alone")
    text = text_of(inside.get(PAGE))
    assert "Costs of mia" in text
    assert "Mine alone" not in text
    assert "Costs of mia" not in text_of(outside.get(PAGE))
    assert inside.get(f"{SAVE}{shared.pk}/").status_code == 403
    assert inside.post(f"{SAVE}{shared.pk}/", {"delete": "1"}).status_code == 403
    assert [browser.get(f"{SAVE}{private.pk}/").status_code for browser in (inside, outside)] == [404, 404]


def test_a_view_is_shared_with_teams_alone_that_its_owner_sees() -> None:
    team = Team.objects.create(name="Blue")
    browser = staff(*READS)
    assert "Select a valid choice" in text_of(_save(browser, team=team.pk))
    Membership.objects.create(user=_of(browser), team=team, role="member")
    _save(browser, team=team.pk)
    assert SavedView.objects.get().team == team


def test_views_of_others_push_none_of_ones_own_out(admin_client: Client, admin_user: User) -> None:
    team, mia = Team.objects.create(name="Blue"), User.objects.create(username="mia")
    SavedView.objects.bulk_create(
        SavedView(name=f"A {number:03}", query=QUERY, owner=mia, team=team) for number in range(101)
    )
    _view(name="Zebra", owner=admin_user)
    menu = admin_client.get(PAGE).context["menu"]
    assert [choice.title for choice in menu["mine"]] == ["Zebra"]
    assert (len(menu["shared"]), menu["shared"][0].title) == (100, "A 000")


def test_an_administrator_deletes_the_view_of_another(admin_client: Client) -> None:
    view = _view(team=Team.objects.create(name="Blue"))
    assert admin_client.post(f"{SAVE}{view.pk}/", {"delete": "1"}).status_code == 302
    assert not SavedView.objects.exists()


def test_a_view_that_is_answered_no_more_says_why(admin_client: Client, admin_user: User) -> None:
    _view(owner=admin_user, query="?range=7d&metric=beauty")
    assert "Costs Change There is no metric 'beauty'. Choose one of cost," in text_of(admin_client.get(PAGE))


def test_what_is_no_question_is_not_saved(admin_client: Client) -> None:
    refused = admin_client.post(SAVE, {"name": "n", "query": "?metric=beauty"})
    assert (refused.status_code, SavedView.objects.count()) == (400, 0)
    assert "There is no metric" in refused.content.decode()


def test_who_may_not_save_sees_no_form_and_saves_nothing() -> None:
    browser = staff("usage.view_requestlog")
    assert "Save this view" not in text_of(browser.get(PAGE))
    assert _save(browser).status_code == 403

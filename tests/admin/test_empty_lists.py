"""Lists without rows say what they are for, to whom they offer a first one, and when a filter is why."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import Client

from access.models import Team
from access.roles.table import Role
from proxysite.console.empty_lists import LESSONS
from tests.admin.pages import links_of, text_of
from tests.permissions.people import person, signed_in

pytestmark = pytest.mark.django_db


def test_each_list_has_a_lesson() -> None:
    assert {model._meta.label_lower for model in admin.site._registry} == LESSONS.keys()


def test_an_empty_list_says_what_it_is_for_and_offers_the_first_row(admin_client: Client) -> None:
    for label in ("access.team", "access.budget", "providers.provider", "routing.rule", "access.webhook"):
        app, name = label.split(".")
        page = admin_client.get(f"/admin/{app}/{name}/")
        assert LESSONS[label].purpose in text_of(page)
        assert LESSONS[label].example in text_of(page)
        assert f"/admin/{app}/{name}/add/" in {one.partition("?")[0] for one in links_of(page).values()}


def test_every_list_without_rows_is_shown(admin_client: Client) -> None:
    shown = {label: admin_client.get(f"/admin/{label.replace('.', '/')}/").status_code for label in LESSONS}
    assert set(shown.values()) == {200}, shown


def test_who_may_not_add_is_offered_nothing() -> None:
    page = signed_in(person(Role.AUDITOR)).get("/admin/access/webhook/")
    assert LESSONS["access.webhook"].purpose in text_of(page)
    assert "takes a permission that you do not have" in text_of(page)
    assert not any("/webhook/add/" in one for one in links_of(page).values())


def test_a_filter_that_leaves_nothing_says_so(admin_client: Client) -> None:
    Team.objects.create(name="Search")
    page = admin_client.get("/admin/access/team/?q=support")
    assert "No team matches" in text_of(page)
    assert "nothing has “support” in it" in text_of(page)
    assert LESSONS["access.team"].purpose not in text_of(page)
    assert links_of(page)["Show all"] == "?"


def test_the_page_of_a_new_row_says_so(admin_client: Client) -> None:
    assert "Teams chevron_right Add team" in text_of(admin_client.get("/admin/access/team/add/"))


def test_names_are_spelled_as_they_are(admin_client: Client) -> None:
    team = Team.objects.create(name="search")
    for end in ("change", "history", "delete"):
        page = text_of(admin_client.get(f"/admin/access/team/{team.pk}/{end}/"))
        assert "Teams chevron_right search" in page, end
        assert "Teams chevron_right Search" not in page, end

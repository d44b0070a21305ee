"""Nobody sees another's: every page of /my/ for members, leads and owners, with the ids of others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.urls.resolvers import URLPattern

from access.models import Budget, IncreaseRequest, Membership, RateLimit
from proxysite.my import urls
from tests.admin.pages import text_of
from tests.my.people import Group, browser_of, make_group
from tests.usage.added import store
from tests.usage.dated import day, request
from usage.statements.closing import close
from usage.statements.models import Statement

pytestmark = pytest.mark.django_db
_FRAME = {"login", "logout", "password_change", "password_change_done", "search", None}
"""Pages that show nothing of anybody."""


@pytest.fixture
def blue() -> Group:
    """A team."""
    return make_group("blue")


@pytest.fixture
def red() -> Group:
    """Another team."""
    return make_group("red")


def _pages(group: Group, name: str) -> Iterator[str]:
    """Every page there is, with the ids of one person's things; a new page cannot be forgotten."""
    values = {
        "team_id": group.team.pk,
        "key_id": group.keys[name].pk,
        "row_id": group.requests(name)[0].pk,
        "membership_id": Membership.objects.get(user=group.people.get(name, group.people["max"])).pk,
        "invitation_id": group.invitation.pk,
        "action": "revoke",
        "number": _statement(group),
        **_asked_for(group, name),
    }
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        if pattern.name not in _FRAME:
            needed = pattern.pattern.converters
            yield reverse(f"my:{pattern.name}", kwargs={one: values[one] for one in needed})


def _statement(group: Group) -> int:
    """The number of a statement of the group's team."""
    store([request(day("2026-03-10"), team_id=group.team.pk, cost=1)])
    list(close(group.team.pk, date(2026, 3, 1)))
    return Statement.objects.filter(team_id=group.team.pk).earliest("pk").pk


def _asked_for(group: Group, name: str) -> dict[str, int]:
    """A budget and a limit of one person's key, and their request for more of the budget."""
    budget, _ = Budget.objects.get_or_create(key=group.keys[name], defaults={"amount": 5, "leads_may_change": True})
    user = group.people.get(name, group.people["max"])
    row, _ = IncreaseRequest.objects.get_or_create(budget=budget, user=user, team=group.team, defaults={"amount": 5})
    limit, _ = RateLimit.objects.get_or_create(
        key=group.keys[name], measure="requests", leads_may_change=True, defaults={"most": 5}
    )
    return {"budget_id": budget.pk, "increase_id": row.pk, "limit_id": limit.pk}


def _with_ids(group: Group, name: str) -> list[str]:
    return [page for page in _pages(group, name) if re.search(r"/(\d+|[0-9a-f-]{36})/", page)]


@pytest.mark.parametrize("name", ["mia", "lea"])
def test_what_is_another_teams_is_404_to_read_and_to_do(name: str, blue: Group, red: Group) -> None:
    browser = blue.browser(name)
    for whose in ("lea", "mia", "ci"):
        for page in _with_ids(red, whose):
            for answer in (browser.get(page), browser.post(page, {"overlap": "0", "name": "x"})):
                assert answer.status_code in (404, 405), page
    assert all(key.revoked_at is None for key in red.team.keys.all())
    assert red.team.memberships.count() == 3
    assert set(IncreaseRequest.objects.values_list("state", flat=True)) == {"open"}
    assert (Budget.objects.count(), RateLimit.objects.count()) == (3, 3)


def test_a_member_reaches_nothing_of_the_others_in_the_team(blue: Group) -> None:
    browser = blue.browser("mia")
    for whose in ("lea", "max", "ci"):
        for page in _with_ids(blue, whose):
            assert browser.get(page).status_code in (404, 405), page
            assert browser.post(page, {"overlap": "0"}).status_code in (404, 405), page


@pytest.mark.parametrize("path", ["/my/", "/my/keys/", "/my/usage/", "/my/usage/?period=today", "/my/requests/"])
def test_the_pages_of_a_member_show_their_own_alone(path: str, blue: Group, red: Group) -> None:
    page = text_of(blue.browser("mia").get(path))
    assert "key of mia" in page
    for other in ("blue key of lea", "blue key of max", "blue key of ci", "red key"):
        assert other not in page, path


def test_filters_reach_no_further(blue: Group, red: Group) -> None:
    browser = blue.browser("mia")
    for query in (f"key={red.keys['mia'].pk}", f"member={blue.people['max'].pk}", f"key={blue.keys['ci'].pk}"):
        page = text_of(browser.get(f"/my/requests/?{query}"))
        assert "There are no such requests" in page, query
    row = red.requests("mia")[0]
    assert "key of mia" in text_of(browser.get(f"/my/requests/?before={row.pk}"))
    for nonsense in ("before=x", "key=x", "key=99999999999999999999", "member=²", "outcome=x", "before=%00"):
        assert browser.get(f"/my/requests/?{nonsense}").status_code == 200, nonsense


def test_a_lead_sees_the_team_and_no_other(blue: Group, red: Group) -> None:
    browser = blue.browser("lea")
    for path in ("", "usage/", "requests/"):
        page = text_of(browser.get(f"/my/teams/{blue.team.pk}/{path}"))
        for name in ("lea", "mia", "max", "ci"):
            assert f"blue key of {name}" in page, (path, name)
        assert "red" not in page.split("Members and keys", 1)[1], path
    for name in ("mia", "max", "ci"):
        assert browser.get(f"/my/keys/{blue.keys[name].pk}/").status_code == 200
        assert browser.get(f"/my/requests/{blue.requests(name)[0].pk}/").status_code == 200


def test_an_owner_of_the_gateway_sees_no_more_here_than_others(blue: Group) -> None:
    owner = User.objects.create_superuser("ona")
    browser = browser_of(owner)
    for name in ("mia", "ci"):
        for page in _with_ids(blue, name):
            assert browser.get(page).status_code in (404, 405), page
    assert "blue" not in text_of(browser.get("/my/"))


def test_who_has_left_sees_nothing_of_it_any_more(blue: Group) -> None:
    browser = blue.browser("mia")
    pages = _with_ids(blue, "mia")
    Membership.objects.filter(user=blue.people["mia"]).delete()
    for page in pages:
        assert browser.get(page).status_code in (404, 405), page
    for path in ("/my/", "/my/keys/", "/my/usage/", "/my/requests/"):
        assert "key of mia" not in text_of(browser.get(path)), path


def test_every_page_asks_to_sign_in(blue: Group) -> None:
    for page in _pages(blue, "mia"):
        answer = Client().get(page)
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/my/login/"), page

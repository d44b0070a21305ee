"""Who gets in where: one sign-in for everybody, the admin for its staff, and /my/ for people with a team."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from access.models import Membership, Team
from streaming.consumer import owns
from tests.admin.pages import links_of, text_of

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-test-password-7"


@pytest.fixture
def member() -> User:
    """A member of a team, who administers nothing."""
    user = User.objects.create_user("mia", password=PASSWORD)
    Membership.objects.create(team=Team.objects.create(name="blue"), user=user)
    return user


def _sign_in(address: str, name: str) -> tuple[Client, str]:
    browser = Client()
    answer = browser.post(address, {"username": name, "password": PASSWORD}, follow=True)
    return browser, answer.redirect_chain[-1][0] if answer.redirect_chain else ""


@pytest.mark.parametrize(
    "address", ["/my/login/", "/my/login/?next=/my/", "/admin/login/", "/admin/login/?next=/admin/"]
)
def test_a_member_signs_in_at_either_page_and_lands_on_their_own(member: User, address: str) -> None:
    assert 'name="next" value="/my/"' in Client().get("/my/login/").content.decode()
    browser, location = _sign_in(address, "mia")
    assert location == "/my/"
    page = browser.get("/my/")
    assert page.status_code == 200
    assert "<main" in page.content.decode()
    assert "/admin/" not in links_of(page).values()


@pytest.mark.parametrize("path", ["/", "/admin/", "/admin/login/", "/admin/access/team/"])
def test_every_way_to_the_admin_leads_a_member_to_their_pages(member: User, path: str) -> None:
    browser, _ = _sign_in("/my/login/", "mia")
    assert browser.get(path, follow=True).redirect_chain[-1][0] == "/my/"


def test_staff_land_in_the_admin_and_find_both(member: User) -> None:
    User.objects.create_superuser("ona", password=PASSWORD)
    browser, location = _sign_in("/admin/login/?next=/admin/", "ona")
    assert location == "/admin/"
    assert browser.get("/").headers["Location"] == "/admin/"
    assert "/my/" in links_of(browser.get("/admin/")).values()
    mine = browser.get("/my/")
    assert "You belong to no team" in text_of(mine)
    assert "/admin/" in links_of(mine).values()


def test_a_wrong_password_and_somebody_who_is_off_stay_outside(member: User) -> None:
    for address in ("/my/login/", "/admin/login/"):
        assert Client().post(address, {"username": "mia", "password": "wrong"}).status_code == 200
    member.is_active = False
    member.save()
    assert _sign_in("/my/login/", "mia")[1] == ""


def test_a_stranger_is_asked_to_sign_in_whatever_the_path() -> None:
    for path in ("/my/", "/my/nothing/", "/my/search/"):
        assert Client().get(path).headers["Location"] == f"/my/login/?next={path}"
    assert "Sign" in text_of(Client().get("/my/login/")) or "Log in" in text_of(Client().get("/my/login/"))


def test_a_member_changes_their_password_and_signs_out(member: User) -> None:
    browser, _ = _sign_in("/my/login/", "mia")
    new = "another-long-word-3"
    sent = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert browser.post("/my/password_change/", sent).headers["Location"] == "/my/password_change/done/"
    assert browser.get("/my/password_change/done/").status_code == 200
    assert "You have signed out" in text_of(browser.post("/my/logout/"))
    assert browser.get("/my/").status_code == 302


def test_pages_that_are_not_there_are_404(member: User) -> None:
    browser, _ = _sign_in("/my/login/", "mia")
    for path in ("/my/nothing/", "/my/search/", "/my/autocomplete/", "/my/access/team/"):
        assert browser.get(path).status_code == 404, path


def test_the_pages_are_djangos_and_the_api_is_not() -> None:
    for path in ("/my", "/my/", "/my/login/", "/admin/", "/static/proxysite/my.css"):
        assert not owns({"path": path, "method": "GET"}), path
    assert owns({"path": "/v1/me", "method": "GET"})

"""Keys of one's own and of the team: made, shown once however often the page is loaded, rotated, ended."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from access.keys import hash_key
from access.models import ClientKey, Membership, Team
from routing.models import Route
from tests.admin.pages import text_of
from tests.my.people import Group, make_group

pytestmark = pytest.mark.django_db
SECRET = re.compile(r"sk-px-[0-9A-Za-z]{49}")


@pytest.fixture
def blue() -> Group:
    """A team."""
    return make_group("blue")


def _make(browser: Client, path: str = "/my/keys/add/", **fields: Any) -> Any:
    page = browser.get(path)
    form = page.context["form"]
    return browser.post(path, {"team": form["team"].value() or "", "name": "laptop", **fields})


def _secret(page: Any) -> str:
    (secret,) = set(SECRET.findall(page.content.decode()))
    return str(secret)


def test_a_new_key_is_shown_until_it_is_copied(blue: Group) -> None:
    browser = blue.browser("mia")
    answer = _make(browser)
    key = ClientKey.objects.get(name="laptop")
    assert answer["Location"] == f"/my/keys/{key.pk}/secret/"
    assert (key.team, key.owner, key.allowed_routes, key.expires_at) == (blue.team, blue.people["mia"], "", None)
    page = browser.get(answer["Location"])
    secret = _secret(page)
    assert hash_key(secret) == key.hash
    assert "no-store" in page["Cache-Control"]
    for line in ("export ANTHROPIC_BASE_URL=http://testserver", "settings.json", "from anthropic import", "curl -N"):
        assert line in text_of(page), line
    assert "export CLAUDE_CODE_USE_GATEWAY=1" in text_of(page)
    assert "/usage shows it in dollars" in text_of(page)
    assert "no WebSearch" in text_of(page)
    # Loaded again, it is still there; without the browser's cookie the session alone gives it to nobody.
    assert _secret(browser.get(answer["Location"])) == secret
    stranger = Client()
    stranger.cookies["sessionid"] = browser.cookies["sessionid"].value
    assert stranger.get(answer["Location"]).status_code == 302
    assert not any(secret in str(session.get_decoded()) for session in Session.objects.all())
    assert "Show the new secret again" in text_of(browser.get(f"/my/keys/{key.pk}/"))
    # Copied, it is gone for good.
    assert browser.post(f"/my/keys/{key.pk}/copied/")["Location"] == f"/my/keys/{key.pk}/"
    assert browser.get(answer["Location"])["Location"] == f"/my/keys/{key.pk}/"
    shown = browser.get(f"/my/keys/{key.pk}/")
    assert secret not in shown.content.decode()
    assert "shown no more" in text_of(shown)


def test_the_secret_of_one_key_is_not_shown_for_another(blue: Group) -> None:
    browser = blue.browser("mia")
    _make(browser)
    assert browser.get(f"/my/keys/{blue.keys['mia'].pk}/secret/").status_code == 302


def test_a_key_has_the_limits_that_were_chosen(blue: Group) -> None:
    for name in ("sonnet", "opus", "haiku"):
        Route.objects.create(name=name)
    day = timezone.localdate() + timedelta(days=3)
    fields: dict[str, Any] = {
        "expires_on": day.isoformat(),
        "routes": ["opus", "sonnet"],
        "allowed_networks": "10.0.0.0/8",
    }
    _make(blue.browser("mia"), **fields)
    key = ClientKey.objects.get(name="laptop")
    assert (key.allowed_routes, key.allowed_networks) == ("opus\nsonnet", "10.0.0.0/8")
    assert key.expires_at is not None
    assert key.expires_at > timezone.now() + timedelta(days=3)
    page = text_of(blue.browser("mia").get(f"/my/keys/{key.pk}/"))
    assert "opus, sonnet" in page
    assert "10.0.0.0/8" in page
    assert "unlimited" not in page.lower()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "blue key of max"}, "already has a key of this name"),
        ({"expires_on": "2020-01-01"}, "This day has passed"),
        ({"allowed_networks": "everywhere"}, "everywhere"),
        ({"routes": ["nothing"]}, "not one of the available choices"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_makes_no_key(fields: dict[str, Any], why: str, blue: Group) -> None:
    Route.objects.create(name="sonnet")
    answer = _make(blue.browser("mia"), **fields)
    assert answer.status_code == 200
    assert why in text_of(answer)
    assert ClientKey.objects.count() == 4


def test_nobody_makes_a_key_for_another_team_or_person(blue: Group) -> None:
    red = Team.objects.create(name="red")
    answer = _make(blue.browser("mia"), team=red.pk)
    assert answer.status_code == 200
    _make(blue.browser("mia"), owner=blue.people["max"].pk)
    assert ClientKey.objects.get(name="laptop").owner == blue.people["mia"]
    assert not red.keys.exists()
    assert blue.browser("mia").get(f"/my/teams/{blue.team.pk}/keys/add/").status_code == 404


def test_with_two_teams_the_team_is_chosen(blue: Group) -> None:
    red = Team.objects.create(name="red")
    Membership.objects.create(team=red, user=blue.people["mia"])
    _make(blue.browser("mia"), team=red.pk)
    assert ClientKey.objects.get(name="laptop").team == red


def test_a_lead_makes_a_service_key(blue: Group) -> None:
    browser = blue.browser("lea")
    answer = _make(browser, f"/my/teams/{blue.team.pk}/keys/add/", name="pipeline")
    key = ClientKey.objects.get(name="pipeline")
    assert (key.team, key.owner) == (blue.team, None)
    assert hash_key(_secret(browser.get(answer["Location"]))) == key.hash


def test_a_key_is_rotated_with_an_overlap(blue: Group) -> None:
    browser, key = blue.browser("mia"), blue.keys["mia"]
    before = key.hash
    assert "stays valid" in text_of(browser.get(f"/my/keys/{key.pk}/rotate/"))
    answer = browser.post(f"/my/keys/{key.pk}/rotate/", {"overlap": "168"})
    key.refresh_from_db()
    assert hash_key(_secret(browser.get(answer["Location"]))) == key.hash
    assert key.previous_hash == before
    assert key.previous_until is not None
    assert timedelta(days=6) < key.previous_until - timezone.now() < timedelta(days=8)
    assert "is accepted until" in text_of(browser.get(f"/my/keys/{key.pk}/"))
    assert browser.post(f"/my/keys/{key.pk}/rotate/", {"overlap": "9999"}).status_code == 200


def test_a_key_is_disabled_enabled_revoked_and_deleted(blue: Group) -> None:
    browser, key = blue.browser("mia"), blue.keys["mia"]

    def press(action: str) -> str:
        assert browser.get(f"/my/keys/{key.pk}/{action}/").status_code == 200
        page = browser.post(f"/my/keys/{key.pk}/{action}/", follow=True)
        if action != "delete":
            key.refresh_from_db()
        return text_of(page)

    assert "is disabled" in press("disable")
    assert key.disabled_at is not None
    # A second window offers what is not possible any more.
    assert "is already disabled" in text_of(browser.post(f"/my/keys/{key.pk}/disable/", follow=True))
    assert "is enabled" in press("enable")
    assert key.disabled_at is None
    assert "Disable or revoke blue key of mia" in text_of(browser.get(f"/my/keys/{key.pk}/delete/", follow=True))
    assert "is revoked" in press("revoke")
    assert key.revoked_at is not None
    assert "is deleted" in press("delete")
    assert not ClientKey.objects.filter(pk=key.pk).exists()
    assert browser.get(f"/my/keys/{key.pk}/revive/").status_code == 404


def test_opening_a_page_changes_nothing(blue: Group) -> None:
    browser, key = blue.browser("mia"), blue.keys["mia"]
    before = ClientKey.objects.filter(pk=key.pk).values().get()
    for action in ("rotate", "disable", "enable", "revoke", "delete", "copied"):
        browser.get(f"/my/keys/{key.pk}/{action}/")
    assert ClientKey.objects.filter(pk=key.pk).values().get() == before

"""The admin's page of a client key: owner, routes, networks, rotation, and what is said beside a field."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from access.key_records import load_keys
from access.keys import KeyRecord, caller
from access.models import ClientKey, Membership, Team
from routing.models import Route
from tests.admin.history import at, request_row
from tests.admin.pages import errors_of, form_of, links_of, staff, text_of
from usage.models import RequestLog
from usage.rollups.models import UsageRollup

pytestmark = pytest.mark.django_db

ADD, LIST = "/admin/access/clientkey/add/", "/admin/access/clientkey/"


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="Search")


@pytest.fixture
def mia(team: Team) -> User:
    """A member of the team."""
    user = User.objects.create_user("mia")
    Membership.objects.create(team=team, user=user)
    return user


@pytest.fixture
def key(team: Team) -> ClientKey:
    return ClientKey.objects.create(team=team, name="CI", prefix="sk-px-abcd", hash="a" * 64)


def _page(key: ClientKey, action: str = "change") -> str:
    return f"/admin/access/clientkey/{key.pk}/{action}/"


def _new(team: Team, **fields: Any) -> dict[str, Any]:
    return {"team": team.pk, "name": "laptop", "expires_at_0": "", "expires_at_1": "", **fields}


def _secret(response: Any) -> str:
    found = re.search(r"export ANTHROPIC_AUTH_TOKEN=(sk-px-\w+)", response.content.decode())
    assert found is not None, text_of(response)
    return found.group(1)


def test_routes_are_chosen_and_patterns_written(admin_client: Client, team: Team) -> None:
    for name in ("big", "small-1", "small-2"):
        Route.objects.create(name=name)
    sent = _new(team, routes=["big", "small-1"], allowed_routes="claude-*\nlater")
    assert admin_client.post(ADD, sent).status_code == 200
    key = ClientKey.objects.get()
    assert key.allowed_routes.splitlines() == ["big", "small-1", "claude-*", "later"]
    form = form_of(admin_client.get(_page(key)))
    assert (form["routes"], form["allowed_routes"]) == (["big", "small-1"], "claude-*\nlater")
    assert admin_client.post(_page(key), {**form, "routes": ["small-2"]}).status_code == 302
    key.refresh_from_db()
    assert key.allowed_routes.splitlines() == ["small-2", "claude-*", "later"]
    assert "routes" in errors_of(admin_client.post(ADD, _new(team, name="other", routes=["unknown"])))


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("10.0.0.1/8", "Write 10.0.0.0/8, or the address alone"),
        ("::ffff:192.0.2.0/120", "Write 192.0.2.0/24"),
        ("fe80::1%eth0", "Write the address without %"),
        ("10.0.0.0/8\nthe office", "'the office' is no address or network"),
    ],
)
def test_networks_that_cannot_be_are_refused_beside_the_field(
    written: str, words: str, admin_client: Client, team: Team
) -> None:
    errors = errors_of(admin_client.post(ADD, _new(team, allowed_networks=written)))
    assert list(errors) == ["allowed_networks"]
    assert words in errors["allowed_networks"][0]


def test_an_owner_is_a_member_of_the_team(admin_client: Client, team: Team, mia: User) -> None:
    other = Team.objects.create(name="Support")
    assert "mia (Search)" in text_of(admin_client.get(ADD))
    errors = errors_of(admin_client.post(ADD, _new(other, owner=mia.pk)))
    assert errors == {
        "owner": ["mia is not a member of the team Support. Choose one of its members, or nobody."],
    }
    assert admin_client.post(ADD, _new(team, owner=mia.pk)).status_code == 200
    key = ClientKey.objects.get()
    assert key.owner == mia
    Membership.objects.all().delete()
    assert "owner left" in text_of(admin_client.get(LIST))
    # The rest of an ended key can be changed.
    assert admin_client.post(_page(key), {**form_of(admin_client.get(_page(key))), "tags": "old"}).status_code == 302


def test_a_rotation_shows_the_new_secret_once_and_says_how_long_the_old_one_works(
    admin_client: Client, team: Team
) -> None:
    old = _secret(admin_client.post(ADD, _new(team)))
    key = ClientKey.objects.get()
    page = admin_client.get(_page(key, "rotate"))
    assert "shown once" in text_of(page)
    sent = {"present": page.context["form"]["present"].value(), "hours": "24"}
    answer = admin_client.post(_page(key, "rotate"), sent)
    assert "no-store" in answer["Cache-Control"]
    new = _secret(answer)
    assert f"The secret before, {old[:10]}… , stays valid until" in text_of(answer)
    # A reload rotates nothing.
    assert "rotated already" in text_of(admin_client.post(_page(key, "rotate"), sent, follow=True))
    keys, now = load_keys(), timezone.now().timestamp()
    found = [caller({"x-api-key": secret}, keys, now) for secret in (old, new)]
    assert [one.id for one in found if isinstance(one, KeyRecord)] == [key.pk, key.pk]
    shown = text_of(admin_client.get(_page(key)))
    assert "active, being rotated until" in shown
    assert f"{old[:10]}… is accepted as well until" in shown
    assert new not in admin_client.get(_page(key)).content.decode()
    assert "Rotated" in " ".join(entry.change_message for entry in LogEntry.objects.all())
    for hours in ("-1", "5000", "x"):
        form = admin_client.post(_page(key, "rotate"), {"present": new[:10], "hours": hours}).context["form"]
        assert list(form.errors) == ["hours"]


def test_a_key_is_disabled_and_enabled_and_deleted_only_once_it_has_ended(admin_client: Client, key: ClientKey) -> None:
    def offered() -> set[str]:
        page = admin_client.get(_page(key)).content.decode()
        actions = ("rotate", "disable", "enable", "revoke", "delete")
        return {action for action in actions if _page(key, action) in page}

    assert offered() == {"rotate", "disable", "revoke"}
    assert "Disable or revoke CI" in text_of(admin_client.get(_page(key, "delete"), follow=True))
    admin_client.post(_page(key, "delete"), {"post": "yes"})
    selected = {"action": "delete_selected", "_selected_action": [key.pk], "post": "yes"}
    admin_client.post(LIST, selected)
    assert ClientKey.objects.exists()
    assert "until you enable it" in text_of(admin_client.get(_page(key, "disable")))
    assert admin_client.post(_page(key, "disable"), {"_form_submitted": "on"})["HX-Redirect"] == _page(key)
    assert offered() == {"rotate", "enable", "revoke", "delete"}
    assert "disabled" in text_of(admin_client.get(f"{LIST}?state=disabled"))
    admin_client.post(_page(key, "enable"), {"_form_submitted": "on"})
    assert offered() == {"rotate", "disable", "revoke"}
    admin_client.post(_page(key, "disable"), {"_form_submitted": "on"})
    admin_client.post(LIST, selected)
    assert not ClientKey.objects.exists()


def test_nothing_of_it_without_the_permission(key: ClientKey) -> None:
    reader = staff("access.view_clientkey")
    assert reader.get(_page(key)).status_code == 200
    for action in ("rotate", "disable", "enable", "revoke"):
        assert reader.post(_page(key, action), {"_form_submitted": "on", "hours": "0"}).status_code == 403
        assert _page(key, action) not in reader.get(_page(key)).content.decode()
    assert ClientKey.objects.filter(disabled_at=None, revoked_at=None, previous_hash=None).exists()


def test_the_page_links_to_its_requests_and_has_the_lines_again(admin_client: Client, key: ClientKey) -> None:
    Route.objects.create(name="big")
    ClientKey.objects.filter(pk=key.pk).update(created_at=at("2026-02-01 10:00"))
    request_row(key_id=key.pk, key_name=key.name, started_at=at("2026-02-03 10:00"))
    page = admin_client.get(_page(key))
    text = text_of(page)
    assert "export ANTHROPIC_AUTH_TOKEN=YOUR-CLIENT-KEY" in text
    assert "export CLAUDE_CODE_USE_GATEWAY=1 Copy Claude Code then shows a notice" in text
    assert "2026-02-03" in text
    rows = admin_client.get(links_of(page)["Requests of this key"])
    assert [row.key_id for row in rows.context["rows"]] == [key.pk]


def test_the_last_use_outlives_the_rows(admin_client: Client, key: ClientKey) -> None:
    row = request_row(key_id=key.pk, started_at=at("2026-02-03 10:00"))
    fields = dict.fromkeys(("requests", "attempts", "unknown_tokens", "unknown_cost", "estimated"), 0)
    UsageRollup.objects.create(
        id=row, key_id=key.pk, starts_at=at("2026-02-03 10:00"), overall=False, first_token_bins={}, duration_bins={},
        **fields,
    )  # fmt: skip
    RequestLog.objects.all().delete()
    (found,) = admin_client.get(LIST).context["cl"].result_list
    assert found.last_use == at("2026-02-03 10:00")

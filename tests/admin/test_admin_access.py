"""Teams and client keys in the admin: the secret is shown once, revoking is final, the list knows the last use."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from access.keys import KeyRecord, caller, hash_key
from access.models import ClientKey, Team
from routing.loading.load import load_keys
from routing.models import Route
from tests.admin.history import at, request_row
from tests.admin.pages import errors_of, staff, text_of

pytestmark = pytest.mark.django_db

ADD = "/admin/access/clientkey/add/"


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="Search")


def _form(team: Team, **fields: Any) -> dict[str, Any]:
    return {"team": team.pk, "name": "CI", "allowed_routes": "", "expires_at_0": "", "expires_at_1": "", **fields}


def _key(team: Team, name: str = "CI") -> ClientKey:
    return ClientKey.objects.create(team=team, name=name, prefix="sk-px-abcd", hash=hash_key(name + str(team.pk)))


def _secret(response: Any) -> str:
    found = re.search(r"export ANTHROPIC_AUTH_TOKEN=(sk-px-[\w-]+)", response.content.decode())
    assert found is not None, text_of(response)
    return found.group(1)


def test_a_new_key_is_shown_with_lines_to_paste_and_opens_the_door(admin_client: Client, team: Team) -> None:
    Route.objects.create(name="claude-sonnet-4-5")
    response = admin_client.post(ADD, _form(team))
    assert response.status_code == 200
    secret = _secret(response)
    text = text_of(response)
    assert "export ANTHROPIC_BASE_URL=http://testserver " in text
    assert f"curl -N http://testserver/v1/messages -H 'x-api-key: {secret}'" in text
    assert '"model":"claude-sonnet-4-5"' in text
    found = caller({"x-api-key": secret}, load_keys(), timezone.now().timestamp())
    assert isinstance(found, KeyRecord)
    assert found.name == "CI"


def test_the_public_url_is_what_is_pasted(admin_client: Client, team: Team, settings: Any) -> None:
    settings.PUBLIC_URL = "https://claude.example.com"
    text = text_of(admin_client.post(ADD, _form(team)))
    assert "export ANTHROPIC_BASE_URL=https://claude.example.com " in text
    assert "testserver" not in text


def test_the_secret_is_nowhere_but_in_that_one_answer(admin_client: Client, team: Team) -> None:
    response = admin_client.post(ADD, _form(team))
    secret = _secret(response)
    assert "no-store" in response["Cache-Control"]
    assert not list(get_messages(response.wsgi_request))
    assert all(secret not in str(session.get_decoded()) for session in Session.objects.all())
    key = ClientKey.objects.get()
    assert (key.hash, key.prefix) == (hash_key(secret), secret[:10])
    assert secret not in str(vars(key)) + "".join(entry.change_message for entry in LogEntry.objects.all())
    for url in (
        reverse("admin:access_clientkey_changelist"),
        reverse("admin:access_clientkey_change", args=[key.pk]),
        reverse("admin:access_clientkey_history", args=[key.pk]),
        ADD,
        "/admin/",
    ):
        assert secret not in admin_client.get(url).content.decode()


def test_a_reload_makes_no_second_key(admin_client: Client, team: Team) -> None:
    admin_client.post(ADD, _form(team))
    assert "name" in errors_of(admin_client.post(ADD, _form(team)))
    assert ClientKey.objects.count() == 1


def test_a_route_outside_the_allow_list_is_not_in_the_line_to_paste(admin_client: Client, team: Team) -> None:
    Route.objects.create(name="big", is_default=True)
    Route.objects.create(name="small-1")
    assert '"model":"small-1"' in text_of(admin_client.post(ADD, _form(team, allowed_routes="small-*")))
    refused = text_of(admin_client.post(ADD, _form(team, name="other", allowed_routes="tiny")))
    assert "may not use any enabled route" in refused


@pytest.mark.parametrize(
    ("fields", "field", "expected"),
    [
        ({"allowed_routes": "good\nclaude sonnet"}, "allowed_routes", "'claude sonnet'"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00:00"}, "expires_at", "or revoke the key"),
        ({"name": ""}, "name", "required"),
        ({"tags": "ci, claimed:x"}, "tags", "no tag begins with it"),
        ({"client_tags": "project-*, " + "x" * 41}, "client_tags", "more than 40 characters"),
    ],
)
def test_mistakes_are_reported_beside_the_field(
    admin_client: Client, team: Team, fields: dict[str, str], field: str, expected: str
) -> None:
    errors = errors_of(admin_client.post(ADD, _form(team, **fields)))
    assert list(errors) == [field]
    assert expected in errors[field][0]
    assert not ClientKey.objects.exists()


def test_the_allow_list_is_kept_tidy(admin_client: Client, team: Team) -> None:
    admin_client.post(ADD, _form(team, allowed_routes="  a \r\n\r\nb*\r\na"))
    assert ClientKey.objects.get().allowed_routes == "a\nb*"


def test_the_button_asks_before_it_revokes_and_is_gone_afterwards(admin_client: Client, team: Team) -> None:
    key = _key(team)
    page, revoke = reverse("admin:access_clientkey_change", args=[key.pk]), f"/admin/access/clientkey/{key.pk}/revoke/"
    assert revoke in admin_client.get(page).content.decode()
    assert "cannot be undone" in text_of(admin_client.get(revoke))
    key.refresh_from_db()
    assert key.revoked_at is None
    response = admin_client.post(revoke, {"_form_submitted": "on"})
    assert response["HX-Redirect"] == page
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert revoke not in admin_client.get(page).content.decode()
    assert "Revoked" in LogEntry.objects.get().get_change_message()


def test_revoking_needs_the_cross_site_token_and_the_permission(admin_user: Any, team: Team) -> None:
    key = _key(team)
    revoke = f"/admin/access/clientkey/{key.pk}/revoke/"
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(admin_user)
    assert forged.post(revoke, {"_form_submitted": "on"}).status_code == 403
    assert staff("access.view_clientkey").post(revoke, {"_form_submitted": "on"}).status_code == 403
    key.refresh_from_db()
    assert key.revoked_at is None


def test_several_are_revoked_from_the_list_and_old_dates_stay(admin_client: Client, team: Team) -> None:
    long_ago = at("2026-01-01 00:00")
    old, new = _key(team, "old"), _key(team, "new")
    ClientKey.objects.filter(pk=old.pk).update(revoked_at=long_ago)
    data = {"action": "revoke_selected", "_selected_action": [old.pk, new.pk]}
    response = admin_client.post(reverse("admin:access_clientkey_changelist"), data, follow=True)
    assert "Revoked: new (sk-px-abcd…)." in text_of(response)
    old.refresh_from_db()
    new.refresh_from_db()
    assert old.revoked_at == long_ago
    assert new.revoked_at is not None


def test_the_list_shows_state_and_last_use_with_a_fixed_number_of_queries(
    admin_client: Client, team: Team, django_assert_max_num_queries: Any
) -> None:
    off = Team.objects.create(name="Off", enabled=False)
    keys = [_key(team, f"k{n}") for n in range(25)] + [_key(off, "idle")]
    ClientKey.objects.filter(pk=keys[0].pk).update(expires_at=timezone.now() - timedelta(days=1))
    request_row(key_id=keys[1].pk, started_at=at("2026-02-01 10:00"))
    request_row(key_id=keys[1].pk, started_at=at("2026-02-03 10:00"))
    request_row(key_id=keys[1].pk, started_at=at("2026-02-02 10:00"))
    with django_assert_max_num_queries(12):
        response = admin_client.get(reverse("admin:access_clientkey_changelist"))
    found = {key.name: key.last_use for key in response.context["cl"].result_list}
    assert found["k1"] == at("2026-02-03 10:00")
    assert found["k2"] is None
    text = text_of(response)
    assert all(word in text for word in ("expired", "team disabled", "active", "never", "2026-02-03 "))


def test_deleting_a_team_leaves_history_alone(admin_client: Client, team: Team) -> None:
    key = _key(team)
    row = request_row(team_id=team.pk, team_name=team.name, key_id=key.pk, key_name=key.name)
    admin_client.post(reverse("admin:access_team_delete", args=[team.pk]), {"post": "yes"})
    assert not ClientKey.objects.exists()
    assert "Search" in text_of(admin_client.get(reverse("admin:usage_requestlog_change", args=[row])))


def test_users_and_groups_have_pages(admin_client: Client, admin_user: Any) -> None:
    for name in ("user", "group"):
        assert admin_client.get(reverse(f"admin:auth_{name}_changelist")).status_code == 200
        assert admin_client.get(reverse(f"admin:auth_{name}_add")).status_code == 200
    assert admin_client.get(reverse("admin:auth_user_change", args=[admin_user.pk])).status_code == 200

"""A client key stays in its team unless a superuser moves it: forms, forged fields, the list, new keys, imports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from access.keys import hash_key
from access.models import ClientKey, Team
from tests.admin.pages import errors_of, form_of, staff, text_of

pytestmark = pytest.mark.django_db
OVER_KEYS = tuple(
    f"access.{verb}_{model}" for verb in ("view", "add", "change", "delete") for model in ("team", "clientkey")
)


@pytest.fixture
def key() -> ClientKey:
    """A key of the team Search; there is a team Support, too."""
    Team.objects.create(name="Support")
    team = Team.objects.create(name="Search")
    return ClientKey.objects.create(team=team, name="CI", prefix="sk-px-abcd", hash=hash_key("CI"))


def _page(key: ClientKey) -> str:
    return f"/admin/access/clientkey/{key.pk}/change/"


def _team(key: ClientKey) -> str:
    return ClientKey.objects.get(pk=key.pk).team.name


def test_a_forged_team_is_refused_and_changes_nothing(key: ClientKey) -> None:
    browser = staff(*OVER_KEYS)
    sent = form_of(browser.get(_page(key)))
    assert "team" not in sent
    other = Team.objects.get(name="Support").pk
    for team in (other, [key.team_id, other], "", "Support"):
        answer = browser.post(_page(key), {**sent, "name": "moved", "team": team})
        assert answer.status_code == 403, team
        assert "Create a key in that team" in text_of(answer)
    assert ClientKey.objects.filter(pk=key.pk).values_list("team__name", "name").get() == ("Search", "CI")


def test_everything_else_of_a_key_is_changed_as_before(key: ClientKey) -> None:
    browser = staff(*OVER_KEYS)
    sent = form_of(browser.get(_page(key)))
    assert browser.post(_page(key), {**sent, "name": "nightly"}).status_code == 302
    assert browser.post(_page(key), {**sent, "name": "weekly", "team": key.team_id}).status_code == 302
    assert ClientKey.objects.filter(pk=key.pk).values_list("team__name", "name").get() == ("Search", "weekly")
    ClientKey.objects.create(team=key.team, name="taken", prefix="sk-px-efgh", hash=hash_key("taken"))
    assert list(errors_of(browser.post(_page(key), {**sent, "name": "taken"}))) == ["name"]


def test_neither_the_list_nor_the_form_of_a_new_key_moves_one(key: ClientKey) -> None:
    browser = staff(*OVER_KEYS)
    other = Team.objects.get(name="Support").pk
    row: dict[str, Any] = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": key.pk, "form-0-team": other}
    browser.post("/admin/access/clientkey/", {**row, "_save": "Save"})
    new = {"team": other, "name": "CI", "expires_at_0": "", "expires_at_1": ""}
    forged = {"hash": key.hash, "prefix": key.prefix, "id": key.pk, "_saveasnew": "1"}
    assert browser.post("/admin/access/clientkey/add/", {**new, **forged}).status_code == 200
    assert _team(key) == "Search"
    added = ClientKey.objects.get(team_id=other)
    assert added.pk != key.pk
    assert added.hash != key.hash


def test_an_import_moves_no_key(key: ClientKey, tmp_path: Path) -> None:
    file = tmp_path / "moved.yaml"
    file.write_text(
        f"version: 1\nteams:\n- name: Support\n  keys:\n  - name: CI\n    prefix: {key.prefix}\n    hash: {key.hash}\n"
    )
    with pytest.raises(CommandError, match="already exists"):
        call_command("import_config", str(file))
    assert _team(key) == "Search"


def test_a_superuser_moves_a_key(admin_client: Client, key: ClientKey) -> None:
    other = Team.objects.get(name="Support").pk
    sent = form_of(admin_client.get(_page(key)))
    assert admin_client.post(_page(key), {**sent, "team": other}).status_code == 302
    assert _team(key) == "Support"

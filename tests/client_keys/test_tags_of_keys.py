"""Tags of keys, and the patterns of tags that their clients may add: forms and imports refuse the same ones."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.test import Client

from access.key_records import record_of
from access.models import ClientKey, Team
from configuration.file.exporting import export_text
from configuration.foreign.litellm_keys.records import fitting_tags, key_of
from tests.admin.pages import errors_of, form_of
from tests.configuration.commands import run_import

pytestmark = pytest.mark.django_db

LONG = "x" * 41
FILE = "version: 1\nteams: [{{name: Search, keys: [{{name: CI, {field}: [{tag}], shows_routing: true}}]}}]"


@pytest.fixture
def key() -> ClientKey:
    team = Team.objects.create(name="Search")
    return ClientKey.objects.create(team=team, name="CI", prefix="sk-px-abcd", hash="a" * 64)


def _file(folder: Path, field: str, tag: str) -> Path:
    path = folder / "configuration.yaml"
    path.write_text(FILE.format(field=field, tag=tag))
    return path


@pytest.mark.parametrize("field", ["tags", "client_tags"])
@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("'Claimed:x'", "no tag begins with it"),
        ("' claimed:x'", "no tag begins with it"),
        (LONG, "more than 40 characters"),
        ('"a\\u200bb"', "cannot be seen"),
        ('"a\\0b"', "cannot be seen"),
        ("ci", ""),
    ],
)
def test_an_import_refuses_what_the_form_does(field: str, tag: str, why: str, key: ClientKey, tmp_path: Path) -> None:
    if why:
        with pytest.raises(CommandError, match=why):
            run_import(_file(tmp_path, field, tag), "--write")
    else:
        run_import(_file(tmp_path, field, tag), "--write")
    key.refresh_from_db()
    assert getattr(key, field) == ("" if why else tag)


def test_an_import_refuses_routes_that_the_form_refuses(key: ClientKey, tmp_path: Path, admin_client: Client) -> None:
    with pytest.raises(CommandError, match="'big small' contains white space"):
        run_import(_file(tmp_path, "allowed_routes", "big small"), "--write")
    page = f"/admin/access/clientkey/{key.pk}/change/"
    errors = errors_of(admin_client.post(page, {**form_of(admin_client.get(page)), "allowed_routes": "big small"}))
    assert "'big small' contains white space" in errors["allowed_routes"][0]
    key.refresh_from_db()
    assert key.allowed_routes == ""


@pytest.mark.parametrize("field", ["tags", "client_tags"])
@pytest.mark.parametrize(("tag", "why"), [("Claimed:x", "no tag begins with it"), ("a\u200bb", "cannot be seen")])
def test_the_form_refuses_it_beside_its_field(
    field: str, tag: str, why: str, key: ClientKey, admin_client: Client
) -> None:
    page = f"/admin/access/clientkey/{key.pk}/change/"
    errors = errors_of(admin_client.post(page, {**form_of(admin_client.get(page)), field: f"ci, {tag}"}))
    assert list(errors) == [field]
    assert why in errors[field][0]


@pytest.mark.parametrize("tag", ["claimed:x", "Claimed:x", "  claimed:x", "a\u200bb", LONG, "a, claimed:x"])
def test_litellm_s_keys_have_only_tags_that_a_key_can_have(tag: str) -> None:
    virtual = key_of({"token": "a" * 64, "metadata": {"tags": [tag, "ci"]}})
    assert fitting_tags(virtual) == "ci"


def test_a_line_break_in_an_imported_tag_is_a_space_everywhere(key: ClientKey, tmp_path: Path) -> None:
    path = _file(tmp_path, "tags", '"night\\nbuild"')
    run_import(path, "--write")
    key.refresh_from_db()
    assert record_of(key).tags == ("night build",)
    assert "[night build]" in export_text(with_keys=True)
    assert "0 changed" in run_import(path, "--write")


@pytest.mark.parametrize("field", ["tags", "client_tags"])
def test_what_an_earlier_version_accepted_stays(
    field: str, key: ClientKey, tmp_path: Path, admin_client: Client
) -> None:
    ClientKey.objects.update(**{field: LONG})
    run_import(_file(tmp_path, field, LONG), "--write")
    key.refresh_from_db()
    assert key.shows_routing
    page = f"/admin/access/clientkey/{key.pk}/change/"
    sent = form_of(admin_client.get(page))
    assert admin_client.post(page, {**sent, "name": "CI of Search"}).status_code == 302
    assert list(errors_of(admin_client.post(page, {**sent, field: f"{LONG}, y"}))) == [field]
    key.refresh_from_db()
    assert (getattr(key, field), key.name) == (LONG, "CI of Search")


@pytest.mark.parametrize(
    ("field", "value"), [("allowed_routes", "GPT 4o\nsmall"), ("expires_at", datetime(9999, 12, 31, tzinfo=UTC))]
)
def test_what_nobody_changes_hinders_no_other_change(
    field: str, value: object, key: ClientKey, tmp_path: Path, admin_client: Client
) -> None:
    ClientKey.objects.update(**{field: value})
    run_import(_file(tmp_path, "tags", "ci"), "--write")
    page = f"/admin/access/clientkey/{key.pk}/change/"
    sent = form_of(admin_client.get(page))
    assert admin_client.post(page, {**sent, "name": "CI of Search"}).status_code == 302
    key.refresh_from_db()
    assert (getattr(key, field), key.tags, key.name) == (value, "ci", "CI of Search")

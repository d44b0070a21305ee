"""An export imports to the same state, and contains every part of the configuration."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User

from access.models import ClientKey, Membership, SiteRole
from access.roles.giving import given_role, set_role
from configuration.apply.import_configuration import import_configuration
from configuration.apply.import_report import ImportReport
from configuration.file import yaml_text
from configuration.file.exporting import export_text
from configuration.file.fields import ENTRIES, concrete, entry_of
from configuration.file.reading import read_text
from configuration.file.schema import ConfigurationError
from providers.models import Credential, Price, Provider
from routing.loading.revision import WATCHED
from routing.models import Candidate
from tests.configuration import every_field
from tests.harness.forms import delete_users

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

_ELSEWHERE = {
    "providers.Provider": {"secret_headers"},
    "providers.Credential": {"provider", "source", "ciphertext", "last_four", "bound_to", "kept_variable"},
    "providers.Model": {"provider"},
    "providers.Price": {"model", "source", "set_at"},
    "routing.Candidate": {"route", "position"},
    "access.Membership": {"team"},
    "access.ClientKey": {"team"},
    "access.RateLimit": {"key", "user", "team", "members_of"},
    "access.Budget": {"key", "user", "team", "members_of"},
    "access.Webhook": {"ciphertext"},
}
"""Fields that are given by the position of an entry in the file, and secrets with where they may be sent."""


def import_text(text: str) -> ImportReport:
    return import_configuration(read_text(text), write=True)


def test_every_field_of_every_kind_of_configuration_is_exported() -> None:
    # A role stands with its person. No worker holds webhooks in memory.
    assert {*ENTRIES, "access.SiteRole"} == {*WATCHED, "access.Webhook"}
    for label, entry in ENTRIES.items():
        fields = set(concrete(apps.get_model(label))) - {"id", "created_at"} - _ELSEWHERE.get(label, set())
        assert fields - set(entry.__struct_fields__) == set(), label


def test_the_rows_of_these_tests_set_every_field() -> None:
    every_field.make()
    for label, entry in ENTRIES.items():
        kind = apps.get_model(label)
        fields = set(concrete(kind)) & set(entry.__struct_fields__)
        output: set[str] = set()
        for row in kind._default_manager.all():
            output |= set(entry_of(row))
        assert fields - output == set(), label


@pytest.mark.parametrize(("with_keys", "with_people"), [(True, True), (True, False), (False, True), (False, False)])
def test_an_export_imports_to_the_same_state(with_keys: bool, with_people: bool) -> None:
    every_field.make()
    before = export_text(with_keys=with_keys, with_people=with_people)
    every_field.wipe()
    empty = export_text(with_keys=with_keys, with_people=with_people)
    report = import_text(before)
    # The line about keys that are left out is no configuration.
    after = export_text(with_keys=with_keys, with_people=with_people)
    assert yaml_text.load(after) == yaml_text.load(before) != yaml_text.load(empty)
    assert not report.not_carried_over
    # Without people there is no key that would belong to nobody.
    assert ClientKey.objects.count() == (2 if with_people else 1) * with_keys
    assert User.objects.count() == 2 * with_people
    assert ("mia" in before) is with_people


def test_rows_that_are_up_to_date_are_not_touched(django_assert_num_queries: Any) -> None:
    every_field.make()
    rows = {label: list(apps.get_model(label)._default_manager.order_by("pk").values()) for label in WATCHED}
    report = import_text(export_text(with_keys=True, with_people=True))
    assert report.count().keys() == {"same"}
    assert not report.untouched
    assert rows == {label: list(apps.get_model(label)._default_manager.order_by("pk").values()) for label in WATCHED}


def test_an_export_resets_what_was_changed_since() -> None:
    every_field.make()
    before = export_text(with_keys=True, with_people=True)
    for label in WATCHED:
        for row in apps.get_model(label)._default_manager.all():
            if isinstance(row, Price) and row.valid_from is None:
                continue  # it has begun, and would be followed by another
            for field in ("enabled", "notes", "weight", "yields", "priority", "threshold", "input", "tags"):
                known = concrete(row).get(field)
                if known is not None:
                    setattr(row, field, known.get_default())
            row.save()
    Candidate.objects.filter(model__name="demo").delete()
    assert export_text(with_keys=True, with_people=True) != before
    import_text(before)
    assert export_text(with_keys=True, with_people=True) == before


def test_no_secret_is_in_an_export_and_stored_ones_stay() -> None:
    every_field.make()
    text = export_text(with_keys=True)
    stored = Credential.objects.get(name="b")
    assert every_field.SECRET not in text
    assert every_field.HEADER not in text
    hidden = Provider.objects.get(name="openrouter").secret_headers
    assert hidden["x-hidden"]["ciphertext"] not in text
    assert "x-hidden: {stored: true}" in text
    assert "x-shown: {value: to everybody, public: true}" in text
    assert stored.ciphertext not in text
    assert "stored: true" in text
    import_text(text)
    assert Credential.objects.get(name="b").ciphertext == stored.ciphertext
    assert Provider.objects.get(name="openrouter").secret_headers == hidden


def test_people_that_are_missing_are_made_without_rights_and_others_stay() -> None:
    every_field.make()
    text = export_text(with_keys=True, with_people=True)
    User.objects.filter(username="mia").delete()
    User.objects.filter(username="leo").update(email="leo@example.com", is_active=True)
    SiteRole.objects.all().delete()
    report = import_text(text)
    mia, leo = (User.objects.get(username=name) for name in ("mia", "leo"))
    assert (mia.email, mia.is_staff, mia.is_superuser, mia.has_usable_password()) == (
        "mia@example.com",
        False,
        False,
        False,
    )
    assert [line for line in report.to_do if line.startswith("The account mia has no password")]
    assert (leo.email, leo.is_active) == ("leo@example.com", True)
    assert "`./gateway set_role leo auditor` gives it" in " ".join(report.to_do)
    assert given_role(leo) is None
    assert Membership.objects.get(user=mia).role == "lead"
    assert ClientKey.objects.get(name="CI").owner == mia


def test_a_role_comes_with_its_person() -> None:
    set_role(User.objects.create_user("ann"), "administrator")
    User.objects.create_superuser("root")
    text = export_text(with_people=True)
    delete_users()
    import_text(text)
    assert [given_role(user) for user in User.objects.order_by("username")] == ["administrator", "owner"]


def test_a_file_without_people_changes_nobodys_key_and_one_with_them_says_whom_it_needs() -> None:
    every_field.make()
    keys, people = export_text(with_keys=True), export_text(with_keys=True, with_people=True)
    assert "left out" in keys
    assert "left out" not in people
    import_text(keys)
    named = "version: 1\ncomplete: true\nteams:\n- name: red\n  keys:\n  - {name: CI}\n"
    import_text(named)
    key = ClientKey.objects.get(name="CI")
    assert (str(key.owner), key.previous_hash, key.imported_from) == ("mia", "cd" * 32, "LiteLLM")
    import_text(named + "  - {name: laptop, owner: leo}\n")
    assert str(ClientKey.objects.get(name="laptop").owner) == "leo"
    for line, place in (
        ("  - {name: laptop, owner: kim}\n", "teams[0].keys[1].owner"),
        ("  members:\n  - {user: kim}\n", "teams[0].members[0].user"),
    ):
        with pytest.raises(ConfigurationError, match="There is no account 'kim'") as raised:
            import_text(named + line)
        assert str(raised.value).startswith(f"{place}: ")


def test_a_stored_secret_that_is_gone_is_asked_for() -> None:
    every_field.make()
    text = export_text()
    every_field.wipe()
    report = import_text(text)
    assert "Credential openrouter: b has no secret: enter it in the admin." in report.to_do
    assert "Header x-hidden of openrouter has no value: enter it in the admin." in report.to_do
    assert any("OPENROUTER_API_KEY is not set" in line for line in report.to_do)


def test_an_export_is_readable() -> None:
    every_field.make()
    lines = export_text().splitlines()
    assert lines[0].startswith("# The configuration of the gateway")
    assert "  - {model: 'openrouter:anthropic/claude-sonnet-5.5:beta', weight: 5}" in lines
    assert "- {pattern: gpt-*, target: claude-sonnet-5-5, position: 3}" in lines
    assert "    capabilities: [tools, images]" in lines
    assert not any("hash" in line for line in lines)

"""An export imports to the same state, and contains every part of the configuration."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps

from access.models import ClientKey
from configuration.apply.import_configuration import import_configuration
from configuration.apply.import_report import ImportReport
from configuration.file.exporting import export_text
from configuration.file.fields import ENTRIES, concrete, entry_of
from configuration.file.reading import read_text
from providers.models import Credential, Provider
from routing.loading.revision import WATCHED
from routing.models import Candidate
from tests.configuration import every_field

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

_ELSEWHERE = {
    "providers.Provider": {"secret_headers"},
    "providers.Credential": {"provider", "source", "ciphertext", "last_four", "bound_to", "kept_variable"},
    "providers.Model": {"provider"},
    "providers.Price": {"model"},
    "routing.Candidate": {"route", "position"},
    "access.ClientKey": {"team"},
}
"""Fields that are given by the position of an entry in the file, and secrets with where they may be sent."""


def import_text(text: str) -> ImportReport:
    return import_configuration(read_text(text), write=True)


def test_every_field_of_every_kind_of_configuration_is_exported() -> None:
    assert set(ENTRIES) == set(WATCHED)
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


@pytest.mark.parametrize("with_keys", [True, False])
def test_an_export_imports_to_the_same_state(with_keys: bool) -> None:
    every_field.make()
    before = export_text(with_keys=with_keys)
    every_field.wipe()
    empty = export_text(with_keys=with_keys)
    report = import_text(before)
    assert export_text(with_keys=with_keys) == before != empty
    assert not report.not_carried_over
    assert ClientKey.objects.count() == (2 if with_keys else 0)


def test_rows_that_are_up_to_date_are_not_touched(django_assert_num_queries: Any) -> None:
    every_field.make()
    rows = {label: list(apps.get_model(label)._default_manager.order_by("pk").values()) for label in WATCHED}
    report = import_text(export_text(with_keys=True))
    assert report.count().keys() == {"same"}
    assert not report.untouched
    assert rows == {label: list(apps.get_model(label)._default_manager.order_by("pk").values()) for label in WATCHED}


def test_an_export_resets_what_was_changed_since() -> None:
    every_field.make()
    before = export_text(with_keys=True)
    for label in WATCHED:
        for row in apps.get_model(label)._default_manager.all():
            for field in ("enabled", "notes", "weight", "yields", "priority", "threshold", "input", "tags"):
                known = concrete(row).get(field)
                if known is not None:
                    setattr(row, field, known.get_default())
            row.save()
    Candidate.objects.filter(model__name="demo").delete()
    assert export_text(with_keys=True) != before
    import_text(before)
    assert export_text(with_keys=True) == before


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

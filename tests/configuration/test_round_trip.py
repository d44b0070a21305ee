"""What is exported imports to the same state, and nothing of the configuration is missing from it."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps

from access.models import ClientKey
from configuration.apply.import_configuration import apply
from configuration.apply.import_report import Ledger
from configuration.file.exporting import exported
from configuration.file.fields import ENTRIES, concrete, said_of
from configuration.file.reading import read_text
from providers.models import Credential
from routing.loading.revision import WATCHED
from routing.models import Candidate
from tests.configuration import world

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

_ELSEWHERE = {
    "providers.Credential": {"provider", "source", "ciphertext", "last_four"},
    "providers.Model": {"provider"},
    "providers.Price": {"model"},
    "routing.Candidate": {"route", "position"},
    "access.ClientKey": {"team"},
}
"""Fields that stand in a file by where an entry stands, and secrets."""


def written(text: str) -> Ledger:
    return apply(read_text(text), write=True)


def test_every_field_of_every_kind_of_configuration_is_exported() -> None:
    assert set(ENTRIES) == set(WATCHED)
    for label, entry in ENTRIES.items():
        fields = set(concrete(apps.get_model(label))) - {"id", "created_at"} - _ELSEWHERE.get(label, set())
        assert fields - set(entry.__struct_fields__) == set(), label


def test_the_world_of_these_tests_sets_every_field() -> None:
    world.make()
    for label, entry in ENTRIES.items():
        kind = apps.get_model(label)
        fields = set(concrete(kind)) & set(entry.__struct_fields__)
        said: set[str] = set()
        for row in kind._default_manager.all():
            said |= set(said_of(row))
        assert fields - said == set(), label


@pytest.mark.parametrize("with_keys", [True, False])
def test_an_export_imports_to_the_same_state(with_keys: bool) -> None:
    world.make()
    before = exported(with_keys=with_keys)
    world.wipe()
    empty = exported(with_keys=with_keys)
    ledger = written(before)
    assert exported(with_keys=with_keys) == before != empty
    assert not ledger.lost
    assert ClientKey.objects.count() == (2 if with_keys else 0)


def test_what_is_there_already_is_not_touched(django_assert_num_queries: Any) -> None:
    world.make()
    rows = {label: list(apps.get_model(label)._default_manager.order_by("pk").values()) for label in WATCHED}
    ledger = written(exported(with_keys=True))
    assert ledger.count().keys() == {"same"}
    assert not ledger.left
    assert rows == {label: list(apps.get_model(label)._default_manager.order_by("pk").values()) for label in WATCHED}


def test_an_export_resets_what_was_changed_since() -> None:
    world.make()
    before = exported(with_keys=True)
    for label in WATCHED:
        for row in apps.get_model(label)._default_manager.all():
            for field in ("enabled", "notes", "weight", "yields", "priority", "threshold", "input", "tags"):
                known = concrete(row).get(field)
                if known is not None:
                    setattr(row, field, known.get_default())
            row.save()
    Candidate.objects.filter(model__name="demo").delete()
    assert exported(with_keys=True) != before
    written(before)
    assert exported(with_keys=True) == before


def test_no_secret_is_in_an_export_and_stored_ones_stay() -> None:
    world.make()
    text = exported(with_keys=True)
    stored = Credential.objects.get(name="b")
    assert world.SECRET not in text
    assert stored.ciphertext not in text
    assert "stored: true" in text
    written(text)
    assert Credential.objects.get(name="b").ciphertext == stored.ciphertext


def test_a_stored_secret_that_is_gone_is_asked_for() -> None:
    world.make()
    text = exported()
    world.wipe()
    ledger = written(text)
    assert "credential openrouter: b has no secret: enter it in the admin." in ledger.todo
    assert any("OPENROUTER_API_KEY is not set" in line for line in ledger.todo)


def test_an_export_reads_well() -> None:
    world.make()
    lines = exported().splitlines()
    assert lines[0].startswith("# The configuration of the gateway")
    assert "  - {model: 'openrouter:anthropic/claude-sonnet-5.5:beta', weight: 5}" in lines
    assert "- {pattern: gpt-*, target: claude-sonnet-5-5, position: 3}" in lines
    assert "    capabilities: [tools, images]" in lines
    assert not any("hash" in line for line in lines)

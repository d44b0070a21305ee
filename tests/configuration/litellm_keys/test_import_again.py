"""Repeating an import of LiteLLM's keys restricts them, and lets in nobody who was locked out here."""

from __future__ import annotations

import importlib
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import connection

from access import key_actions
from access.audit.models import AuditEntry
from access.key_records import state_of
from access.models import ClientKey, Membership, Team
from configuration.apply.import_configuration import import_configuration
from configuration.file.exporting import export_text
from configuration.file.reading import read_text
from routing.models import Route
from tests.configuration.litellm_keys.conftest import Run
from tests.configuration.litellm_keys.dumps import KEYS, TEAMS, USERS, Tables, key, team, token_of, user

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

CI, MIA = "sk-ci-0123456789abcd", "sk-Mia_key-abcdefgh"
SOON, LATER = "2098-01-02 03:04:05", "2099-01-02 03:04:05"


def tables(*, ci: dict[str, Any] | None = None, mia: dict[str, Any] | None = None, name: str = "Backend") -> Tables:
    return {
        TEAMS: [team("t-1", name)],
        USERS: [user("u-1", "Mia@example.org")],
        KEYS: [
            key(CI, **{"key_alias": "ci", "team_id": "t-1", "models": ["fast"], **(ci or {})}),
            key(MIA, **{"key_alias": "laptop", "team_id": "t-1", "user_id": "u-1", "expires": SOON, **(mia or {})}),
        ],
    }


def stored(secret: str) -> ClientKey:
    return ClientKey.objects.get(imported_hash=token_of(secret))


@pytest.fixture
def mia(db: None) -> User:
    """A member of the team before the first import."""
    Route.objects.create(name="fast")
    person = get_user_model().objects.create_user("mia", "mia@example.org")
    Membership.objects.create(team=Team.objects.create(name="Backend"), user=person)
    return person


def test_a_second_import_restricts_keys(run: Run, mia: User) -> None:
    run(tables())
    assert "0 created, 0 changed, 3 unchanged, 0 refused." in run(tables())
    entries = [json.dumps(entry, default=str) for entry in AuditEntry.objects.values()]
    assert sum("client keys imported" in entry for entry in entries) == 2
    assert any("laptop" in entry for entry in entries)
    assert not any(token_of(secret) in entry for entry in entries for secret in (CI, MIA))
    output = run(tables(ci={"blocked": True, "expires": "2020-01-01 00:00:00"}))
    assert "~ key ci of Backend: disabled at; expires at" in output
    assert "0 created, 1 changed, 2 unchanged, 0 refused." in output
    assert stored(CI).disabled_at is not None
    assert stored(CI).expires_at == datetime(2020, 1, 1, tzinfo=UTC)


def test_the_owner_of_a_key_does_not_enable_what_is_blocked(run: Run, mia: User) -> None:
    run(tables())
    key_actions.disable(mia, stored(MIA))
    assert "~ key laptop of Backend: disabled by" in run(tables(mia={"blocked": True}))
    with pytest.raises(key_actions.KeyRefused, match="Ask a lead of the team Backend"):
        key_actions.enable(mia, stored(MIA))
    assert "0 created, 0 changed, 3 unchanged, 0 refused." in run(tables(mia={"blocked": True}))


def test_who_disabled_a_key_before_did_not_block_it(run: Run, mia: User) -> None:
    """An earlier version enables a key and leaves who disabled it."""
    run(tables())
    ClientKey.objects.filter(pk=stored(MIA).pk).update(disabled_by=get_user_model().objects.create_user("lea"))
    assert "~ key laptop of Backend: disabled at; disabled by" in run(tables(mia={"blocked": True}))
    assert stored(MIA).disabled_by is None


def test_the_end_of_the_calendar_in_keys_of_an_earlier_version_is_never(run: Run, mia: User) -> None:
    run(tables())
    ClientKey.objects.filter(pk=stored(CI).pk).update(expires_at=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    migration = importlib.import_module("access.migrations.0011_years")
    migration.end_never(apps, SimpleNamespace(connection=connection))
    assert (stored(CI).expires_at, stored(MIA).expires_at) == (None, datetime(2098, 1, 2, 3, 4, 5, tzinfo=UTC))


def test_a_key_gets_its_owner_once_the_person_is_here(run: Run) -> None:
    run(tables())
    person = get_user_model().objects.create_user("mia", "mia@example.org")
    Membership.objects.create(team=Team.objects.get(name="Backend"), user=person)
    assert "~ key laptop of Backend: owner" in run(tables())
    assert stored(MIA).owner == person


def test_nobody_who_is_locked_out_here_gets_in_again(run: Run, mia: User) -> None:
    run(tables())
    Team.objects.filter(name="Backend").update(enabled=False)
    ClientKey.objects.update(disabled_at=datetime.now(UTC))
    assert "= key laptop of Backend: disabled here, and stays so" in run(tables())
    assert not Team.objects.get(name="Backend").enabled
    assert all(row.disabled_at is not None for row in ClientKey.objects.all())


def test_the_key_of_a_person_who_left_stays_ended(run: Run, mia: User) -> None:
    run(tables())
    Membership.objects.all().delete()
    run(tables())
    assert (stored(MIA).owner, state_of(stored(MIA))) == (mia, "owner left")
    User.objects.update(is_active=False)
    run(tables(name="Backend renamed"))
    assert (stored(MIA).owner, state_of(stored(MIA))) == (mia, "owner disabled")


def test_a_team_that_is_renamed_in_litellm_opens_nothing(run: Run, mia: User) -> None:
    run(tables())
    Team.objects.update(enabled=False)
    assert "differs from LiteLLM, and stays so: team" in run(tables(name="Backend renamed"))
    assert {row.team.name for row in ClientKey.objects.all()} == {"Backend"}
    assert state_of(stored(CI)) == state_of(stored(MIA)) == "team disabled"


def test_the_first_key_of_somebody_who_is_disabled_here_is_disabled(run: Run, mia: User) -> None:
    Membership.objects.all().delete()
    User.objects.update(is_active=False)
    assert "+ key laptop of Backend: disabled, as its user's account is disabled here" in run(tables())
    assert state_of(stored(MIA)) == "disabled"
    assert state_of(stored(CI)) == "active"


@pytest.mark.parametrize("expires", [LATER, None])
def test_a_key_that_was_ended_here_is_not_prolonged(run: Run, mia: User, expires: str | None) -> None:
    run(tables())
    yesterday = datetime.now(UTC) - timedelta(days=1)
    ClientKey.objects.update(expires_at=yesterday)
    output = run(tables(mia={"expires": expires}))
    assert "= key laptop of Backend: differs from LiteLLM, and stays so: expiry" in output
    assert stored(MIA).expires_at == yesterday
    assert state_of(stored(MIA)) == "expired"


def test_what_was_set_here_stays(run: Run, mia: User) -> None:
    run(tables())
    leo = get_user_model().objects.create_user("leo")
    team_ = Team.objects.create(name="Other")
    for person in (mia, leo):
        Membership.objects.create(team=team_, user=person)
    ClientKey.objects.filter(name="laptop").update(team=team_, owner=leo)
    ClientKey.objects.update(tags="night", allowed_routes="only-this")
    output = run(tables(ci={"models": []}))
    assert "= key laptop of Other: differs from LiteLLM, and stays so: team, owner, routes, tags" in output
    assert "0 changed" in output
    assert {row.name: (row.team.name, row.owner, row.tags, row.allowed_routes) for row in ClientKey.objects.all()} == {
        "ci": ("Backend", None, "night", "only-this"),
        "laptop": ("Other", leo, "night", "only-this"),
    }


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_secret_that_was_rotated_away_never_comes_back(run: Run, mia: User, times: int) -> None:
    run(tables())
    owner = get_user_model().objects.create_superuser("owner")
    for _ in range(times):
        key_actions.rotate(owner, stored(CI), timedelta(0))
    assert "! key ci (line 30): it was rotated here, and its new secret is in use." in run(tables())
    assert ClientKey.objects.count() == 2
    assert not ClientKey.objects.filter(hash=token_of(CI)).exists()


def test_keys_that_were_imported_by_an_earlier_version_are_known(run: Run, mia: User) -> None:
    run(tables())
    key_actions.rotate(get_user_model().objects.create_superuser("owner"), stored(CI))
    ClientKey.objects.create(team=Team.objects.get(), name="own", prefix="sk-px-abcd", hash="a" * 64)
    hashes = set(ClientKey.objects.values_list("name", "imported_hash"))
    ClientKey.objects.update(imported_hash=None)
    migration = importlib.import_module("access.migrations.0010_imported_hash")
    migration.fill(apps, SimpleNamespace(connection=connection))
    assert set(ClientKey.objects.values_list("name", "imported_hash")) == hashes


def test_a_configuration_file_of_an_earlier_version_forgets_nothing(run: Run, mia: User) -> None:
    run(tables())
    key_actions.rotate(get_user_model().objects.create_superuser("owner"), stored(CI))
    lines = export_text(with_keys=True, with_people=True).splitlines()
    text = "\n".join(line for line in lines if "imported_hash" not in line)
    assert text.count("imported_from") == 2
    hashes = {token_of(CI), token_of(MIA)}
    for _ in range(2):
        import_configuration(read_text(text), write=True)
        assert set(ClientKey.objects.values_list("imported_hash", flat=True)) == hashes
        ClientKey.objects.all().delete()

"""Whatever way a row is written, its entry says from what to what, and no secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from access.audit import chain, record, rows
from access.audit.watched import WATCHED
from access.keys import new_key
from access.models import AuditEntry, ClientKey, Membership, Team
from providers.models import Credential, Model, Provider
from routing.loading.revision import numbers
from routing.models import Route

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOT_WATCHED = {
    "access.AuditEntry": "the audit itself",
    "access.AuditHead": "the audit itself",
    "access.SignInLimit": "counts of attempts; those that are refused are events",
    "access.Alert": "written by the workers",
    "access.OutboxMessage": "written by the workers; sending one again is an event",
    "access.Lease": "written by the workers",
    "providers.DroppedField": "what clients sent",
    "routing.Revision": "a counter of changes",
    "routing.Signal": "a counter of looks",
    "routing.HealthState": "written by the workers; a reset is an event",
    "auth.Permission": "made by migrations",
    "contenttypes.ContentType": "made by migrations",
    "sessions.Session": "sign-ins and sign-outs are events",
    "admin.LogEntry": "Django's own history",
    "usage.BudgetWindow": "the sums of rows, and what was added: approving that is an event",
    "usage.BudgetBlock": "written by the workers",
    "usage.BudgetMark": "written by the workers",
    **dict.fromkeys(("usage.RequestLog", "usage.AttemptLog"), "written by the writer, and removed by a command"),
    **dict.fromkeys(("usage.UsageRollup", "usage.DailyRollup", "usage.AttemptRollup"), "sums of rows"),
    **dict.fromkeys(
        ("usage.MonthRollup", "usage.TagRollup", "usage.ClientRollup", "usage.SessionSummary"), "sums of rows"
    ),
    "usage.Statement": "frozen; closing one is an event",
    "usage.StatementLine": "frozen with its statement",
    "usage.Reconciliation": "comparing an invoice and deleting the result are events",
    "usage.ReconciliationLine": "written and deleted with its result",
    "usage.InvoiceDraft": "a file between two pages, for a day",
    "usage.StatementMail": "written by the workers; sending one again is an event",
    "state.Worker": "written by the workers",
    "state.Job": "starting and cancelling one, and confirming an import, are events",
    "state.JobFile": "what a job was given, until it is over",
    "usage.LiveSample": "written by the workers",
    "usage.RefusalSample": "written by the workers",
    "usage.Cut": "cutting a stream is an event",
    "usage.RollupZone": "the time zone of these sums",
    "usage.RollupMonth": "which of these sums are complete",
}


def test_there_is_an_answer_for_every_model() -> None:
    """A model that is new is followed, or it is said here why not."""
    labels = {model._meta.label for model in apps.get_models(include_auto_created=True)}
    assert labels == set(WATCHED) | set(NOT_WATCHED)
    assert not set(WATCHED) & set(NOT_WATCHED)


def test_every_field_that_is_named_exists() -> None:
    for label, watch in WATCHED.items():
        names = {field.name for field in apps.get_model(label)._meta.concrete_fields}
        assert {*watch.title, *watch.masked, *watch.unseen, *watch.verbs} <= names, label


def _entries() -> list[tuple[str, str, str, Any]]:
    """Takes what was written since the last time: action, kind, name, changes."""
    assert list(chain.faults()) == []
    found = [
        (entry.action, entry.object_type, entry.object_name, json.loads(entry.changes or "{}"))
        for entry in AuditEntry.objects.filter(number__gt=_entries.seen).order_by("number")  # type: ignore[attr-defined]
    ]
    _entries.seen += len(found)  # type: ignore[attr-defined]
    return found


@pytest.fixture(autouse=True)
def _from_here() -> None:
    _entries.seen = AuditEntry.objects.count()  # type: ignore[attr-defined]


@pytest.fixture
def team() -> Team:
    """A team, whose own entry is taken."""
    team = Team.objects.create(name="Search", notes="n")
    _entries.seen = AuditEntry.objects.count()  # type: ignore[attr-defined]
    return team


def test_a_row_that_is_created() -> None:
    Team.objects.create(name="Search")
    ((action, kind, name, changes),) = _entries()
    assert (action, kind, name) == ("created", "access.team", "Search")
    assert changes["name"] == [None, "Search"]
    assert "notes" not in changes


CHANGES: dict[str, Callable[[Team], Any]] = {
    "save": lambda team: Team(pk=team.pk, name="Find", notes="n", created_at=team.created_at).save(),
    "save of a field": lambda team: Team(pk=team.pk, name="Find").save(update_fields=["name"]),
    "update": lambda team: Team.objects.filter(name="Search").update(name="Find"),
    "update of an expression": lambda team: Team.objects.filter(notes="n").order_by("name").update(name="Find"),
    "update across a join": lambda team: Team.objects.exclude(keys__name="x").update(name="Find"),
    "bulk_update": lambda team: Team.objects.bulk_update([Team(pk=team.pk, name="Find")], ["name"]),
    "update_or_create": lambda team: Team.objects.update_or_create(pk=team.pk, defaults={"name": "Find"}),
    "bulk_create of what is there": lambda team: Team.objects.bulk_create(
        [Team(pk=team.pk, name="Find")], update_conflicts=True, unique_fields=["id"], update_fields=["name"]
    ),
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_row_that_is_changed(team: Team, how: str) -> None:
    CHANGES[how](team)
    assert _entries() == [("changed", "access.team", "Find", {"name": ["Search", "Find"]})]


@pytest.mark.parametrize("how", CHANGES)
def test_what_stays_as_it_is_has_no_entry(team: Team, how: str) -> None:
    CHANGES[how](team)
    _entries()
    team.refresh_from_db()
    Team.objects.filter(pk=team.pk).update(name=F("name"))
    team.save()
    assert _entries() == []


DELETIONS: dict[str, Callable[[Team], Any]] = {
    "delete": lambda team: team.delete(),
    "of a queryset": lambda team: Team.objects.filter(name="Search").delete(),
    "without signals": lambda team: Team.objects.filter(pk=team.pk)._raw_delete("default"),
}


@pytest.mark.parametrize("how", DELETIONS)
def test_a_row_that_is_deleted(team: Team, how: str) -> None:
    DELETIONS[how](team)
    ((action, kind, name, changes),) = _entries()
    assert (action, kind, name) == ("deleted", "access.team", "Search")
    assert changes["notes"] == ["n", None]


def test_what_goes_with_a_row_has_an_entry_each(team: Team) -> None:
    mia = User.objects.create_user("mia")
    Membership.objects.create(team=team, user=mia)
    new = new_key()
    ClientKey.objects.create(team=team, owner=mia, name="laptop", prefix=new.prefix, hash=new.hash)
    _entries()
    mia.delete()
    assert sorted(entry[:3] for entry in _entries()) == [
        ("deleted", "access.clientkey", "Search: laptop"),
        ("deleted", "access.membership", "mia: Search"),
        ("deleted", "auth.user", "mia"),
    ]


def test_references_are_named(team: Team) -> None:
    mia = User.objects.create_user("mia")
    new = new_key()
    key = ClientKey.objects.create(team=team, name="CI", prefix=new.prefix, hash=new.hash)
    other = Team.objects.create(name="Other")
    _entries()
    ClientKey.objects.filter(pk=key.pk).update(owner=mia, team=other)
    assert _entries() == [
        ("changed", "access.clientkey", "Other: CI", {"owner": [None, "mia"], "team": ["Search", "Other"]})
    ]


def test_groups_and_permissions() -> None:
    group, user = Group.objects.create(name="ops"), User.objects.create_user("mia")
    permission = Permission.objects.get(codename="view_team")
    _entries()
    user.groups.add(group)
    group.permissions.set([permission])
    group.permissions.clear()
    user.groups.remove(group)
    assert _entries() == [
        ("changed", "auth.user", "mia", {"groups": {"added": ["ops"]}}),
        ("changed", "auth.group", "ops", {"permissions": {"added": [str(permission)]}}),
        ("changed", "auth.group", "ops", {"permissions": {"removed": [str(permission)]}}),
        ("changed", "auth.user", "mia", {"groups": {"removed": ["ops"]}}),
    ]


def test_a_sign_in_changes_no_row_that_is_followed() -> None:
    user = User.objects.create_user("mia")
    _entries()
    user.last_login = timezone.now()
    user.save(update_fields=["last_login"])
    User.objects.update(last_login=None)
    assert _entries() == []


def test_no_secret_is_written() -> None:
    user = User.objects.create_user("mia", password="correct-horse")
    user.set_password("battery-staple")
    user.save()
    new = new_key()
    key = ClientKey.objects.create(team=Team.objects.create(name="t"), name="k", prefix=new.prefix, hash=new.hash)
    key.hash, key.previous_hash = "f" * 64, new.hash
    key.save()
    provider = Provider.objects.create(name="openrouter", dialect="openai_chat", base_url="https://a.example/v1")
    credential = Credential(provider=provider)
    credential.set_secret("sk-first-0123456789")
    credential.save()
    first = credential.ciphertext
    credential.set_secret("sk-second-0123456789")
    credential.save()
    Provider.objects.update(secret_headers={"x-key": {"value": "sealed-value"}}, options={"a": [first]}, notes=first)
    actions = [entry.action for entry in AuditEntry.objects.order_by("number")]
    assert {"password changed", "rotated", "secret set"} <= set(actions)
    everything = " ".join(AuditEntry.objects.values_list("changes", flat=True))
    for secret in (
        user.password,
        new.hash,
        new.secret,
        "f" * 64,
        first,
        credential.ciphertext,
        "sealed-value",
        "sk-se",
    ):
        assert secret not in everything
    assert json.loads(AuditEntry.objects.get(action="rotated").changes) == {
        "hash": ["set", "changed"],
        "previous_hash": [None, "set"],
    }


def test_many_rows_are_one_entry_that_lists_them() -> None:
    provider = Provider.objects.create(name="p", dialect="openai_chat", base_url="https://a.example/v1")
    number = rows.MOST_ENTRIES + 1
    Model.objects.bulk_create([Model(provider=provider, name=f"m{one}") for one in range(number)])
    _entries()
    Model.objects.update(enabled=False)
    ((action, kind, name, changes),) = _entries()
    assert (action, kind, name) == ("changed", "providers.model", f"{number} rows")
    assert len(changes["rows"]) == number
    assert changes["rows"][0][1:] == ["p: m0", {"enabled": [True, False]}]


def test_a_write_that_fails_has_no_entry() -> None:
    Route.objects.create(name="a", is_default=True)
    _entries()
    with pytest.raises(IntegrityError), transaction.atomic():
        Route.objects.create(name="a")
    assert _entries() == []


def test_the_audit_moves_no_revision() -> None:
    before = numbers()
    record("tried")
    assert numbers() == before
    Team.objects.create(name="Search")
    assert numbers() != before

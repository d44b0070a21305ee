"""Creating, rotating, disabling, enabling, revoking and deleting client keys: who may, when, and what then works."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from access import key_actions
from access.key_actions import Action, KeyRefused, actions
from access.key_records import is_being_rotated, load_keys, state_of
from access.keys import AccessDenied, caller, hash_key
from access.models import ClientKey, Membership, Team

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="red")


@pytest.fixture
def owner() -> User:
    """An owner of the site, who may everything."""
    return User.objects.create_superuser("root")


def _member(team: Team, name: str = "mia", role: str = "member") -> User:
    user = User.objects.create_user(name)
    Membership.objects.create(team=team, user=user, role=role)
    return user


def _made(person: User, team: Team, owner: User | None = None, **fields: Any) -> tuple[ClientKey, str]:
    key = ClientKey(team=team, owner=owner, name=f"key {ClientKey.objects.count()}", **fields)
    return key, key_actions.create(person, key).secret


def _answer(secret: str, at: float = 0) -> str:
    """The name of the key that a secret opens, or why it does not."""
    found = caller({"x-api-key": secret}, load_keys(), time.time() + at)
    return found.message if isinstance(found, AccessDenied) else found.name


def test_a_key_goes_through_all_of_its_states(team: Team, owner: User) -> None:
    key, secret = _made(owner, team)
    assert (state_of(key), _answer(secret)) == ("active", key.name)
    assert actions(owner, key) == [Action.ROTATE, Action.DISABLE, Action.REVOKE]
    with pytest.raises(KeyRefused, match="Disable or revoke"):
        key_actions.delete(owner, key)
    key_actions.disable(owner, key)
    assert state_of(key) == "disabled"
    assert "is disabled. Ask an administrator of this gateway to enable it." in _answer(secret)
    with pytest.raises(KeyRefused, match="already disabled"):
        key_actions.disable(owner, key)
    key_actions.enable(owner, key)
    assert (state_of(key), _answer(secret)) == ("active", key.name)
    key_actions.revoke(owner, key)
    assert state_of(key) == "revoked"
    assert actions(owner, key) == [Action.DELETE]
    later: list[Callable[[User, ClientKey], object]] = [key_actions.rotate, key_actions.enable, key_actions.disable]
    for action in later:
        with pytest.raises(KeyRefused, match="cannot be undone"):
            action(owner, key)
    key_actions.delete(owner, key)
    assert "unknown" in _answer(secret)


def test_a_rotated_key_has_two_secrets_until_its_overlap_is_over(team: Team, owner: User) -> None:
    key, old = _made(owner, team, tags="ci")
    new = key_actions.rotate(owner, key).secret
    assert is_being_rotated(key)
    assert _answer(old) == _answer(new) == key.name
    found = {record.id for record in load_keys().values()}
    assert found == {key.pk}
    day = timedelta(hours=24).total_seconds()
    assert _answer(old, day - 60) == key.name
    assert _answer(old, day + 1) == f"The client key {old[:10]}… was rotated: use its new secret. " + (
        "Whoever rotated it has the secret."
    )
    assert _answer(new, day + 1) == key.name
    assert key.hash == hash_key(new)


def test_a_rotation_without_an_overlap_ends_the_secret_at_once_and_a_second_one_ends_the_oldest(
    team: Team, owner: User
) -> None:
    key, first = _made(owner, team)
    second = key_actions.rotate(owner, key).secret
    third = key_actions.rotate(owner, key).secret
    assert "unknown" in _answer(first)
    assert _answer(second) == _answer(third) == key.name
    fourth = key_actions.rotate(owner, key, timedelta(0)).secret
    assert "was rotated" in _answer(third)
    assert _answer(fourth) == key.name
    for overlap in (timedelta(days=91), timedelta(seconds=-1)):
        with pytest.raises(KeyRefused, match="from 0 to 90 days"):
            key_actions.rotate(owner, key, overlap)


@pytest.mark.parametrize(
    ("end", "state", "words"),
    [
        (lambda owner: User.objects.filter(pk=owner.pk).update(is_active=False), "owner disabled", "owner of"),
        (lambda owner: Membership.objects.filter(user=owner).delete(), "owner left", "no longer a member of the team"),
        (lambda owner: Team.objects.update(enabled=False), "team disabled", "The team 'red' is disabled"),
        (lambda owner: ClientKey.objects.update(expires_at=timezone.now()), "expired", "has expired"),
    ],
)
def test_owners_and_teams_end_keys_but_service_keys_have_no_owner(
    end: Callable[[User], object], state: str, words: str, team: Team, owner: User
) -> None:
    mia = _member(team)
    Membership.objects.create(team=Team.objects.create(name="blue"), user=User.objects.create_user("leo"))
    key, secret = _made(owner, team, mia)
    service, other = _made(owner, Team.objects.get(name="blue"))
    end(mia)
    key = ClientKey.objects.get(pk=key.pk)
    assert state_of(key) == state
    assert words in _answer(secret)
    if state.startswith("owner"):
        assert _answer(other) == service.name


def test_an_owner_must_be_an_active_member_of_the_team(team: Team, owner: User) -> None:
    for person, words in (
        (User.objects.create_user("leo"), "not a member of the team red"),
        (_member(Team.objects.create(name="blue"), "kim"), "not a member of the team red"),
    ):
        with pytest.raises(KeyRefused, match=words):
            _made(owner, team, person)
    mia = _member(team)
    User.objects.filter(pk=mia.pk).update(is_active=False)
    mia.refresh_from_db()
    with pytest.raises(KeyRefused, match="mia is disabled"):
        _made(owner, team, mia)
    assert not ClientKey.objects.exists()


def test_members_act_on_their_own_keys_and_leads_on_those_of_their_team(team: Team, owner: User) -> None:
    mia, leo, lead = _member(team), _member(team, "leo"), _member(team, "lead", "lead")
    key, _ = _made(mia, team, mia)
    service, _ = _made(lead, team)
    with pytest.raises(PermissionDenied):
        _made(mia, team)
    with pytest.raises(PermissionDenied):
        _made(mia, team, leo)
    assert actions(leo, key) == actions(mia, service) == []
    for action in (key_actions.rotate, key_actions.disable, key_actions.revoke):
        with pytest.raises(PermissionDenied):
            action(leo, key)
    for get_secret in (lambda: key_actions.rotate(lead, key), lambda: _made(lead, team, mia)):
        with pytest.raises(PermissionDenied):
            get_secret()
    assert actions(lead, key) == [Action.DISABLE, Action.REVOKE]
    assert Action.ROTATE in actions(lead, service)
    key_actions.rotate(mia, key)
    key_actions.disable(lead, key)
    key_actions.revoke(lead, service)
    assert (state_of(key), state_of(service)) == ("disabled", "revoked")


def test_a_secret_of_another_gateway_is_looked_up_while_one_was_imported(team: Team, owner: User) -> None:
    key = ClientKey.objects.create(
        team=team, name="theirs", prefix="sk-…abcd", hash=hash_key("sk-anything"), imported_from="LiteLLM"
    )
    _, ours = _made(owner, team)
    assert load_keys().any_format
    assert _answer("sk-anything") == "theirs"
    new = key_actions.rotate(owner, key).secret
    assert _answer("sk-anything") == _answer(new) == "theirs"
    ClientKey.objects.filter(pk=key.pk).update(previous_until=timezone.now())
    assert not load_keys().any_format
    assert "unknown" in _answer("sk-anything")
    key.refresh_from_db()
    key_actions.rotate(owner, key)
    assert key.imported_from == ""
    assert not load_keys().any_format
    assert "unknown" not in _answer(ours)


def test_networks_that_nobody_can_read_are_no_open_door(team: Team, owner: User) -> None:
    key, _ = _made(owner, team)
    ClientKey.objects.filter(pk=key.pk).update(allowed_networks="10.0.0.0/8\nnonsense")
    assert load_keys()[key.hash].networks == ()

"""Who enables a disabled key: whoever disabled it, the leads of its team, and who may change every key."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from access import key_actions
from access.key_actions import Action, KeyRefused, actions
from access.models import ClientKey, Membership, Team
from configuration.apply.import_configuration import import_configuration
from configuration.file.exporting import export_text
from configuration.file.reading import read_text
from tests.admin.pages import text_of
from tests.configuration.commands import run_import
from tests.harness.configure import make_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="Blue")


def _member(team: Team, name: str, role: str = "member") -> User:
    user = User.objects.create_user(name)
    Membership.objects.create(team=team, user=user, role=role)
    return user


@pytest.fixture
def mia(team: Team) -> User:
    return _member(team, "mia")


@pytest.fixture
def key(team: Team, mia: User) -> ClientKey:
    return make_key(team, owner=mia, name="laptop").row


def _refused(person: User, key: ClientKey) -> str:
    assert Action.ENABLE not in actions(person, key)
    with pytest.raises(KeyRefused) as refused:
        key_actions.enable(person, key)
    return refused.value.message


def test_a_member_enables_what_they_disabled_themselves(mia: User, key: ClientKey) -> None:
    key_actions.disable(mia, key)
    assert key.disabled_by == mia
    key_actions.enable(mia, key)
    now = ClientKey.objects.get()
    assert (now.disabled_at, now.disabled_by) == (None, None)


@pytest.mark.parametrize("role", ["lead", "owner"])
def test_a_member_does_not_enable_what_another_disabled(role: str, team: Team, mia: User, key: ClientKey) -> None:
    lead, owner = _member(team, "lea", "lead"), User.objects.create_superuser("ona")
    key_actions.disable(lead if role == "lead" else owner, key)
    words = _refused(mia, key)
    assert "Ask a lead of the team Blue or an administrator of this gateway to enable it." in words
    for person in (lead, owner):
        key_actions.enable(person, key)
        key_actions.disable(owner, key)


def test_of_keys_that_an_earlier_version_disabled_nobody_knows_who_did_it(mia: User, key: ClientKey) -> None:
    ClientKey.objects.update(disabled_at=timezone.now())
    key.refresh_from_db()
    assert "Ask a lead" in _refused(mia, key)


def test_what_a_person_disabled_who_was_deleted_stays_disabled(team: Team, mia: User, key: ClientKey) -> None:
    lead = _member(team, "lea", "lead")
    key_actions.disable(lead, key)
    lead.delete()
    key.refresh_from_db()
    assert "Ask a lead" in _refused(mia, key)


def test_who_disabled_a_key_already_disabled_by_its_owner_has_the_last_word(
    team: Team, mia: User, key: ClientKey
) -> None:
    lead = _member(team, "lea", "lead")
    key_actions.disable(mia, key)
    assert {Action.DISABLE, Action.ENABLE} <= set(actions(lead, key))
    assert Action.DISABLE not in actions(mia, key)
    since = key.disabled_at
    key_actions.disable(lead, key)
    assert (key.disabled_by, key.disabled_at) == (lead, since)
    assert "Ask a lead" in _refused(mia, key)


def test_the_member_s_page_says_whom_to_ask(team: Team, mia: User, key: ClientKey) -> None:
    key_actions.disable(_member(team, "lea", "lead"), key)
    browser = Client()
    browser.force_login(mia)
    page = browser.get(f"/my/keys/{key.pk}/")
    assert "Ask a lead of the team Blue" in text_of(page)
    assert f"/my/keys/{key.pk}/enable/" not in page.content.decode()
    for send in (browser.get, browser.post):
        assert "was not disabled by you" in text_of(send(f"/my/keys/{key.pk}/enable/", follow=True))
    assert ClientKey.objects.get().disabled_at is not None


def test_the_admin_says_who_disabled_a_key(key: ClientKey, admin_client: Client, admin_user: User) -> None:
    key_actions.disable(admin_user, key)
    assert "by admin" in text_of(admin_client.get(f"/admin/access/clientkey/{key.pk}/change/"))


def test_a_worker_of_an_earlier_version_deletes_who_disabled_a_key(
    team: Team, key: ClientKey, admin_client: Client
) -> None:
    """It does not know the column, so the key names somebody who is not there."""
    lea = User.objects.create_user("lea")
    ClientKey.objects.update(disabled_at=timezone.now(), disabled_by=lea, owner=None)
    User.objects.filter(pk=lea.pk)._raw_delete("default")
    key.refresh_from_db()
    assert key.disabled_by_id == lea.pk
    page = f"/admin/access/clientkey/{key.pk}/change/"
    assert "by an import or an earlier version" in text_of(admin_client.get(page))
    for with_people in (False, True):
        text = export_text(with_keys=True, with_people=with_people)
        assert "disabled_by" not in text
        assert import_configuration(read_text(text), write=True).count()["change"] == 0


def test_what_an_import_disables_is_the_administrator_s(mia: User, key: ClientKey, tmp_path: Path) -> None:
    key_actions.disable(mia, key)
    path = tmp_path / "configuration.yaml"
    path.write_text(
        "version: 1\nteams: [{name: Blue, keys: [{name: laptop, owner: mia, disabled_at: 2027-01-01T00:00:00Z}]}]"
    )
    run_import(path, "--write")
    key.refresh_from_db()
    assert key.disabled_by is None
    assert "Ask a lead" in _refused(mia, key)


def test_an_export_names_who_disabled_a_key_only_with_people(team: Team, mia: User, key: ClientKey) -> None:
    service = make_key(team, name="CI").row
    for one in (service, key):
        key_actions.disable(User.objects.get_or_create(username="lea", is_superuser=True)[0], one)
    assert "lea" not in export_text(with_keys=True)
    text = export_text(with_keys=True, with_people=True)
    ClientKey.objects.update(disabled_at=None, disabled_by=None)
    import_configuration(read_text(text), write=True)
    assert {one.disabled_by.username for one in ClientKey.objects.all() if one.disabled_by} == {"lea"}
    # Without people it stays as it is, while the file disables the key at the same moment.
    import_configuration(read_text(export_text(with_keys=True)), write=True)
    assert ClientKey.objects.get(name="CI").disabled_by is not None

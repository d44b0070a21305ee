"""Values under new keys: each reads as it did under the new key alone, sessions go on, a failure changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client

from access.models import Team
from providers import secrets
from providers.models import Credential, Provider
from proxysite.rotation import values
from routing.loading.load import load_snapshot
from routing.loading.revision import numbers
from tests.harness.configure import make_provider

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


@pytest.fixture(autouse=True)
def old_keys(settings: Any) -> None:
    """The keys before a rotation."""
    settings.ENCRYPTION_KEYS = [OLD]
    settings.SECRET_KEY = "old-" + "o" * 50
    settings.SECRET_KEY_FALLBACKS = []


def _start(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new-" + "n" * 50, [settings.SECRET_KEY]


def _finish(settings: Any) -> None:
    settings.ENCRYPTION_KEYS, settings.SECRET_KEY_FALLBACKS = [NEW], []


def _secret(provider: Provider) -> str:
    return secrets.decrypt(Credential.objects.get(provider=provider).ciphertext)


def test_every_value_reads_as_it_did_under_the_new_key_alone(settings: Any) -> None:
    providers = [make_provider("openai_chat", "http://127.0.0.1:1/v1", secret=f"secret-number-{n}") for n in range(3)]
    nested = {
        "x-a": {"ciphertext": secrets.encrypt("header"), "bound_to": "x"},
        "more": [1, None, secrets.encrypt("é")],
    }
    Provider.objects.filter(pk=providers[0].pk).update(options=nested)
    Team.objects.create(name="notes", notes=f"Two: {secrets.encrypt('one')} and {secrets.encrypt('two')}.")
    before = numbers()
    _start(settings)
    assert (values.survey().current, values.survey().earlier) == (0, 7)
    report = values.renew()
    assert (report.current, report.earlier, report.unreadable) == (0, 7, [])
    assert (values.survey().current, values.survey().earlier) == (7, 0)
    _finish(settings)
    assert [_secret(provider) for provider in providers] == [f"secret-number-{n}" for n in range(3)]
    options = Provider.objects.get(pk=providers[0].pk).options
    assert secrets.decrypt(options["x-a"]["ciphertext"]) == "header"
    assert options["x-a"]["bound_to"] == "x"
    assert options["more"][:2] == [1, None]
    assert secrets.decrypt(options["more"][2]) == "é"
    words = Team.objects.get(name="notes").notes.rstrip(".").split(" ")
    assert (words[0], secrets.decrypt(words[1]), words[2], secrets.decrypt(words[3])) == ("Two:", "one", "and", "two")
    # Running workers see that there is something to load.
    assert numbers() != before
    Provider.objects.filter(pk=providers[0].pk).update(options={})
    assert len(load_snapshot({}).providers) == 3


def test_again_changes_nothing(settings: Any) -> None:
    provider = make_provider("openai_chat", "http://127.0.0.1:1/v1", secret="a-secret-of-length")
    _start(settings)
    values.renew()
    stored = Credential.objects.get(provider=provider).ciphertext
    report = values.renew()
    assert (report.current, report.earlier) == (1, 0)
    assert Credential.objects.get(provider=provider).ciphertext == stored


def test_what_no_key_reads_is_named_and_left_alone(settings: Any) -> None:
    lost, good = (make_provider("openai_chat", "http://127.0.0.1:1/v1", secret="a-secret-of-length") for _ in range(2))
    token = Fernet(OTHER).encrypt(b"lost").decode()
    Credential.objects.filter(provider=lost).update(ciphertext=token)
    _start(settings)
    report = values.renew()
    assert report.unreadable == [f"credential {lost.name}: main: ciphertext"]
    assert Credential.objects.get(provider=lost).ciphertext == token
    _finish(settings)
    assert _secret(good) == "a-secret-of-length"


@pytest.mark.parametrize("where", ["_sign_sessions", "_encrypted_anew"])
def test_a_failure_in_the_middle_changes_nothing(settings: Any, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    for _ in range(3):
        make_provider("openai_chat", "http://127.0.0.1:1/v1", secret="a-secret-of-length")
    stored = list(Credential.objects.order_by("pk").values_list("ciphertext", flat=True))
    _start(settings)
    real, calls = values._encrypted_anew, []

    def fails(*args: str) -> str:
        calls.append(args)
        if where == "_sign_sessions" or len(calls) == 3:
            raise ConnectionError("the database went away")
        return real(*args)

    monkeypatch.setattr(values, where, fails)
    with pytest.raises(ConnectionError):
        values.renew()
    assert list(Credential.objects.order_by("pk").values_list("ciphertext", flat=True)) == stored
    assert len(load_snapshot({}).providers) == 3


def test_a_value_that_would_read_differently_changes_nothing(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = make_provider("openai_chat", "http://127.0.0.1:1/v1", secret="a-secret-of-length")
    stored = Credential.objects.get(provider=provider).ciphertext
    _start(settings)
    monkeypatch.setattr(values, "_encrypted_anew", lambda token: "")
    with pytest.raises(values.NotVerified):
        values.renew()
    assert Credential.objects.get(provider=provider).ciphertext == stored


def _inside(browser: Client) -> bool:
    return browser.get("/admin/auth/user/").status_code == 200


def test_sessions_go_on_at_each_step_and_afterwards(settings: Any) -> None:
    user = User.objects.create_superuser("boss", password="x")
    used, unused, outsider = Client(), Client(), Client()
    used.force_login(user)
    unused.force_login(user)
    outsider.force_login(user)
    key = outsider.cookies["sessionid"].value
    settings.SECRET_KEY, before = "somebody else's" + "x" * 50, settings.SECRET_KEY
    forged = Client()
    forged.force_login(user)
    settings.SECRET_KEY = before
    _start(settings)
    assert _inside(used)
    report = values.renew()
    # What is signed with a key that was never ours is no session.
    assert report.sessions == Session.objects.count() - 1 == 3
    _finish(settings)
    assert values.survey().earlier_sessions == 0
    assert _inside(used)
    assert _inside(unused)
    assert not _inside(forged)
    assert outsider.cookies["sessionid"].value == key
    user.set_password("another")
    user.save()
    assert not _inside(unused)

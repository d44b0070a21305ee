"""Sign-ins are written down, and whoever guesses passwords does not fill the table."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from access.audit import sign_ins
from access.models import AuditEntry

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture(autouse=True)
def _mia(monkeypatch: pytest.MonkeyPatch) -> User:
    monkeypatch.setattr(sign_ins, "_counts", {})
    return User.objects.create_user("mia", password="correct-horse", is_staff=True)


def _sign_in(name: str, password: str, address: str = "203.0.113.7", browser: Client | None = None) -> int:
    data = {"username": name, "password": password}
    return (browser or Client()).post("/admin/login/", data, REMOTE_ADDR=address).status_code


def _entries() -> list[tuple[str, str, str]]:
    found = AuditEntry.objects.exclude(action="created").order_by("number")
    return [(entry.action, entry.object_name, entry.address) for entry in found]


def test_in_and_out() -> None:
    browser = Client()
    assert _sign_in("mia", "correct-horse", browser=browser) == 302
    browser.post("/admin/logout/", REMOTE_ADDR="203.0.113.8")
    assert _entries() == [("signed in", "mia", "203.0.113.7"), ("signed out", "mia", "203.0.113.8")]
    assert set(AuditEntry.objects.exclude(action="created").values_list("person_name", flat=True)) == {"mia"}


def test_what_is_no_name_is_not_written() -> None:
    _sign_in("my-secret-passw0rd", "")
    _sign_in("my-secret-passw0rd", "x")
    assert _entries() == [("sign-in refused", "a name that nobody has", "203.0.113.7")]


def test_refused_attempts_are_counted() -> None:
    statuses = [_sign_in("mia", "wrong") for _ in range(40)]
    assert statuses.count(429) == 35
    assert _entries() == [
        ("sign-in refused", "mia", "203.0.113.7"),
        ("sign-in refused", "beyond a limit", "203.0.113.7"),
        ("sign-in refused", "beyond a limit", "203.0.113.7"),
    ]
    assert AuditEntry.objects.latest("number").changes == '{"of this kind in this hour": 10}'


def test_many_names_from_many_addresses_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_ins, "_MOST", 3)
    for number in range(30):
        _sign_in(f"name{number}", "wrong", f"203.0.113.{number}")
    assert len(_entries()) == 5


def test_a_password_that_its_owner_changes() -> None:
    browser = Client()
    _sign_in("mia", "correct-horse", browser=browser)
    form = {"old_password": "correct-horse", "new_password1": "battery-9-staple", "new_password2": "battery-9-staple"}
    assert browser.post("/admin/password_change/", form).status_code == 302
    entry = AuditEntry.objects.latest("number")
    assert (entry.action, entry.person_name, entry.changes) == (
        "password changed",
        "mia",
        '{"password": ["set", "changed"]}',
    )

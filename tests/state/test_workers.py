"""Rows that workers write about themselves: there while they live, gone when they end, marked when they die."""

from __future__ import annotations

import json
import os
import signal
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models.functions import Now
from django.urls import reverse

from access.models import AuditEntry
from providers.models import Credential, Provider
from proxysite.state import overview
from proxysite.state.models import Worker
from routing.models import Route
from tests.harness.forms import Admin
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.servers.apart.conftest import started

_SECRETS = ("marked-mail", "marked-signing", "marked-public", "marked-key", "marked-provider")


def _children(gateway: Gateway) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{gateway.pid}/task/{gateway.pid}/children").read_text().split()]


def test_each_process_describes_itself_until_it_ends(own_database: Rows) -> None:
    apart = started("state-apart", workers=2)
    try:
        until(lambda: Worker.objects.count() == 3)
        found = overview.processes()
        assert sorted(one.kind for one in found) == ["gateway", "gateway", "pages"]
        assert len({one.facts.process for one in found}) == 3
        assert all(one.is_alive for one in found)
        # The first row may be older than the first time of each task.
        until(lambda: set(overview.housekeeping(overview.processes())) >= {"journal", "partitions"})
        Route.objects.create(name="new")
        # A change is seen by each of them, and said in the row that it writes next.
        until(lambda: all(one.is_current and one.facts.revisions["routing"] for one in overview.processes()))
        assert overview.problems(overview.processes()) == []
    finally:
        apart.gateway.stop()
    assert Worker.objects.count() == 0


def test_a_worker_that_was_killed_is_shown_as_dead(own_database: Rows) -> None:
    gateway = Gateway("state-killed", workers=2).start()
    try:
        until(lambda: Worker.objects.count() == 2)
        (killed, *_) = _children(gateway)
        os.kill(killed, signal.SIGKILL)
        until(lambda: Worker.objects.count() == 3, "the one that replaces it")
        # It cannot remove its row, and nobody waits here for the time to pass.
        dead = Worker.objects.filter(name__contains=f":{killed}:")
        assert dead.update(seen_at=Now() - timedelta(minutes=5)) == 1
        assert [one.facts.process for one in overview.processes() if not one.is_alive] == [killed]
        with Admin(gateway.base_url) as admin:
            page = admin.page(reverse("console:state"))
            assert "1 worker ended without a word" in page
            assert f":{killed}:" in page
        dead.update(seen_at=Now() - timedelta(days=2))
        until(lambda: not dead.exists(), "the others forget it")
    finally:
        gateway.stop()


def test_the_diagnosis_of_a_running_gateway_has_no_secret(own_database: Rows) -> None:
    provider = Provider.objects.create(name="mine", dialect="openai_chat", base_url="http://127.0.0.1:9/v1")
    stored = Credential(provider=provider, name="stored")
    stored.set_secret("marked-key")
    stored.save()
    gateway = Gateway(
        "state-secrets",
        env={
            "SECRET_KEY_FALLBACKS": "marked-signing-0123456789012345678901234567890123456789",
            "EMAIL_URL": "smtp://mailer:marked-mail@127.0.0.1:9",
            "DEFAULT_FROM_EMAIL": "gateway@example.com",
            "PUBLIC_URL": "https://me:marked-public@gateway.example.com",
            "ANTHROPIC_API_KEY": "marked-provider",
        },
    ).start()
    try:
        until(lambda: Worker.objects.exists())
        with Admin(gateway.base_url) as admin:
            text = admin.page(reverse("console:state-export"))
            page = admin.page(reverse("console:state"))
        for secret in (*_SECRETS, settings.SECRET_KEY, *settings.ENCRYPTION_KEYS, stored.ciphertext):
            assert secret not in text
            assert secret not in page
        found = json.loads(text)
        values = {one["name"]: (one["value"], one["changed"]) for one in found["settings"]}
        assert values["PUBLIC_URL"] == ("https://gateway.example.com", True)
        assert values["EMAIL_URL"] == ("127.0.0.1:9", True)
        assert values["SECRET_KEY_FALLBACKS"] == ("set", True)
        assert values["CIRCUIT_FAILURES"] == ("5", False)
        assert found["workers"][0]["facts"]["journal_max_bytes"] == settings.JOURNAL_MAX_BYTES
        assert found["configuration"]["rows"]["providers.Credential"] == 1
        assert found["database"]["bytes"] > 0
        assert AuditEntry.objects.filter(action="diagnosis exported").count() == 1
    finally:
        gateway.stop()

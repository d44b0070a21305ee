"""What is answered without a key names no address, no path and no row: /readyz in every bad state."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from django.db import OperationalError

from routing.loading import load, revision
from routing.loading.store import SnapshotStore
from streaming.endpoints import health
from streaming.exchange.client import Client
from streaming.runtime import Runtime

ADDRESS = 'connection to server at "10.1.2.3", port 5432 failed: Connection refused'


def ready(monkeypatch: pytest.MonkeyPatch, runtime: Runtime) -> tuple[int, dict[str, Any]]:
    """What /readyz answers."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    monkeypatch.setattr(health, "_database_error", lambda: None)
    asyncio.run(health.probe("/readyz", Client(send), runtime))
    return sent[0]["status"], msgspec.json.decode(sent[1]["body"])


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """One that never started, with a store of its own."""
    made = Runtime()
    made.store = SnapshotStore()
    return made


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (OperationalError(ADDRESS), "OperationalError"),
        (load.BrokenConfiguration("the provider secret-name has no base URL http://10.1.2.3"), "BrokenConfiguration"),
    ],
)
@pytest.mark.parametrize("loaded", [False, True], ids=["never loaded", "loaded before"])
def test_a_configuration_that_cannot_be_loaded(
    loaded: bool, error: Exception, named: str, monkeypatch: pytest.MonkeyPatch, runtime: Runtime
) -> None:
    def failing(numbers: dict[str, int]) -> Any:
        raise error

    monkeypatch.setattr(revision, "read", lambda: ({"access": 1, "routing": 1}, {}))
    monkeypatch.setattr(load, "load_snapshot", failing)
    runtime.store.refresh()
    assert str(error) in str(runtime.store.status.error)
    if loaded:
        runtime.store.current = cast(Any, object())
    status, answer = ready(monkeypatch, runtime)
    text = f"the configuration cannot be loaded: {named}"
    assert (status, answer["warnings" if loaded else "causes"]) == (200 if loaded else 503, [text])


def test_a_journal_and_a_router_that_fail(monkeypatch: pytest.MonkeyPatch, runtime: Runtime, tmp_path: Path) -> None:
    runtime.store.current = cast(Any, object())
    runtime.journal.folder = tmp_path / "worker"
    runtime.journal.disappeared_at = time.time()
    runtime.journal.failing = f"[Errno 28] No space left on device: '{tmp_path}/x'"
    runtime.custom.trouble = "The custom router failed 3 times, last because postgresql://10.1.2.3 said no."
    status, answer = ready(monkeypatch, runtime)
    assert (status, len(answer["warnings"])) == (200, 3)
    for secret in (str(tmp_path), "10.1.2.3", "Errno"):
        assert secret not in str(answer)
        assert secret in str(runtime.warnings())


def test_a_snapshot_that_grows_old(monkeypatch: pytest.MonkeyPatch, runtime: Runtime, settings: Any) -> None:
    settings.MAX_STALE = 3600
    store, now = runtime.store, time.monotonic()
    store.current = cast(Any, object())
    assert "snapshot_age_seconds" not in ready(monkeypatch, runtime)[1]
    store.checked_at, store.too_old_at = now - 100, now - 100 + 3600
    status, answer = ready(monkeypatch, runtime)
    assert status == 200
    assert 100 <= answer["snapshot_age_seconds"] < 200
    # The admin's home shows the same.
    assert answer["warnings"] == runtime.warnings()
    assert "client keys that ended meanwhile still work here. After 3,600 s" in answer["warnings"][0]
    store.checked_at, store.too_old_at = now - 4000, now - 400
    status, answer = ready(monkeypatch, runtime)
    assert status == 503
    assert "requests are refused: This gateway could not read its database for 4," in answer["causes"][0]

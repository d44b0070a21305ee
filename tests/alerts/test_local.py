"""What a worker finds out about itself, and how it says so while the database is away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from access.models import Alert, Team
from access.outbox.alerts import Finding
from proxysite.alerts import direct
from proxysite.alerts.direct import Direct, was_sent
from proxysite.alerts.local import LASTING_SECONDS, LocalWatch
from routing.loading.store import SnapshotStore
from routing.models import Rule
from streaming.runtime import Runtime
from tests.alerts.conftest import make_webhook
from tests.alerts.servers import MailServer, Receiver
from tests.alerts.test_raising import finding
from tests.harness.gateway import free_port
from tests.usage.journal.test_journal import begun

pytestmark = pytest.mark.django_db


@pytest.fixture
def runtime(tmp_path: Path, settings: Any) -> Iterator[Runtime]:
    """A worker with a small journal, which is open."""
    settings.JOURNAL_DIR, settings.JOURNAL_MAX_BYTES = tmp_path / "journal", 20_000
    made = Runtime()
    made.store = SnapshotStore()
    made.journal.start()
    yield made
    made.journal.stop()


def _texts(found: list[Finding]) -> list[tuple[str, int]]:
    return [(one.kind.value, one.level) for one in found]


def test_a_configuration_that_stays_broken(runtime: Runtime) -> None:
    now = time.time()
    watch = LocalWatch(runtime, lambda: now)
    runtime.store.refresh()
    assert watch.findings() == []
    Rule.objects.create(name="mine", scenario="think", conditions=[{"field": "weather"}])
    runtime.store.refresh()
    assert watch.findings() == []
    now += LASTING_SECONDS + 1
    (found,) = watch.findings()
    assert "The rule mine has an invalid condition" in found.text
    assert "still in use" in found.text
    assert found.for_site
    Rule.objects.all().delete()
    runtime.store.refresh()
    assert watch.findings() == []


def test_a_journal_that_grows(runtime: Runtime) -> None:
    watch = LocalWatch(runtime)
    levels = set()
    while runtime.journal.failing is None:
        levels |= {one.level for one in watch.findings()}
        begun(runtime.recorder)
    assert levels == {50, 90}


def test_a_database_that_takes_no_rows_is_reported_after_a_minute(runtime: Runtime) -> None:
    now = time.time()
    watch = LocalWatch(runtime, lambda: now)
    # What the writer notes of a database that refuses its batches.
    runtime.recorder.writer.failing_since = now
    assert watch.findings() == []
    now += LASTING_SECONDS + 1
    (found,) = watch.findings()
    assert (found.level, "The database takes no usage rows" in found.text) == (1, True)
    runtime.journal.failing = "No space left on device"
    (found,) = watch.findings()
    assert (found.level, "No space left on device" in found.text) == (90, True)
    runtime.recorder.writer.failing_since = runtime.journal.failing = None
    assert watch.findings() == []
    now += LASTING_SECONDS - 1
    assert watch.findings() == []


def test_a_journal_that_cannot_be_written_while_the_database_answers(runtime: Runtime) -> None:
    """Nothing waits, and a worker that dies now loses what its requests have cost."""
    watch = LocalWatch(runtime)
    assert watch.findings() == []
    runtime.journal.failing = "No space left on device"
    (found,) = watch.findings()
    assert (found.level, found.data["database"]) == (90, True)
    assert "cannot be written" in found.subject
    assert found.text.startswith("The journal cannot be written: No space left on device.")
    runtime.journal.failing = None
    assert watch.findings() == []


@pytest.fixture
def host(tmp_path: Path, settings: Any) -> Path:
    """The folder that the workers of a host share."""
    settings.DATA_DIR = tmp_path
    return tmp_path


def test_a_host_says_it_once_for_each_level_without_a_database(
    team: Team, host: Path, mail_server: MailServer, receiver: Receiver, django_assert_num_queries: Any
) -> None:
    make_webhook(receiver.url)
    make_webhook(receiver.url, name="other", kinds="budget")
    workers = [Direct(), Direct()]
    for worker in workers:
        worker.learn()
    with django_assert_num_queries(0):
        for level in (1, 1, 50, 1, 90):
            for worker in workers:
                worker.send(finding(level=level))
        assert [was_sent(finding(level=level)) for level in (1, 90, 100)] == [True, True, False]
        assert not was_sent(finding(once="snapshot:host"))
        assert not was_sent(finding(quiet=0.0))
    assert len(mail_server.to("owen@example.com")) == 3
    assert [(status, body["type"], body["level"]) for status, body in receiver.received] == [
        (200, "journal", level) for level in (1, 50, 90)
    ]
    assert not Alert.objects.exists()


def test_what_fails_stops_nobody_else(
    team: Team, host: Path, mail_server: MailServer, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    mail_server.refused["owen@example.com"] = "550 no"
    make_webhook(f"http://127.0.0.1:{free_port()}/", name="a away")
    make_webhook(receiver.url, name="b")
    (host / direct.FILE).write_text('{"torn')
    worker = Direct()
    worker.learn()
    worker.send(finding())
    assert len(receiver.received) == 1
    assert caplog.text.count("an alert could not be sent while the database is away") == 2
    assert was_sent(finding())

"""Files of usage that jobs prepare: the rows of the direct export, for whoever may see them now, and for a time."""

from __future__ import annotations

import gzip
import json
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from access.models import AuditEntry
from access.roles.table import Role
from proxysite.state.jobs import exports, runner, tasks
from proxysite.state.models import Job
from tests.admin.history import attempt_row, request_row
from tests.harness.forms import Admin
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.permissions.people import person, signed_in
from usage.reports.rows import file, reading

REQUESTS, ATTEMPTS = "usage_requestlog", "usage_attemptlog"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, settings: Any) -> None:
    settings.EXPORT_DIR = tmp_path / "exports"


def _rows(number: int = 3) -> None:
    for at in range(number):
        row = request_row(
            team_id=1, team_name="=Search", cost=at, provider_name="p", outcome="failed" if at else "completed"
        )
        attempt_row(row, provider_name="p", fidelity=["field_dropped"])


def _asked(browser: Client, rows: str, **filters: Any) -> Job:
    answer: Any = browser.post(f"{reverse(f'admin:{rows}_prepare')}?{urlencode(filters, True)}")
    assert answer.status_code == 302, answer.content
    job = Job.objects.latest("pk")
    assert answer.url == reverse("console:job", args=[job.pk])
    return job


def _bytes(answer: Any) -> bytes:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def _lines_of(browser: Client, job: Job) -> list[str]:
    sent = _bytes(browser.get(reverse("console:job-export", args=[job.pk])))
    return sorted(gzip.decompress(sent).decode().splitlines())


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("rows", "filters", "count"),
    [(REQUESTS, {}, 3), (REQUESTS, {"outcome__exact": ["failed"], "team": ["1"]}, 2), (ATTEMPTS, {}, 3)],
)
def test_the_file_has_what_the_direct_export_has(
    rows: str, filters: dict[str, Any], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BLOCK", 2)
    _rows()
    browser = signed_in(person(Role.ADMINISTRATOR))
    direct = _bytes(browser.get(f"{reverse(f'admin:{rows}_export')}?{urlencode(filters, True)}"))
    job = _asked(browser, rows, **filters)
    # The list ended when it was asked for.
    request_row(team_id=1, outcome="failed", started_at=timezone.now() + timedelta(minutes=1))
    call_command("run_jobs", verbosity=0)
    job.refresh_from_db()
    assert (job.state, job.done, job.total, job.unit) == ("done", count, count, "rows"), job.error
    assert _lines_of(browser, job) == sorted(direct.decode().splitlines())
    page = browser.get(reverse("console:job", args=[job.pk])).content.decode()
    assert f"{count} rows" in page
    assert reverse("console:job-export", args=[job.pk]) in page
    assert file.prepared(job.pk).stat().st_mode & 0o777 == 0o600


@pytest.mark.django_db(transaction=True)
def test_whoever_may_see_the_rows_now_may_download_and_the_audit_tells() -> None:
    _rows(1)
    asker, auditor = person(Role.ADMINISTRATOR), person(Role.AUDITOR)
    job = _asked(signed_in(asker), REQUESTS, team="1")
    call_command("run_jobs", verbosity=0)
    assert len(_lines_of(signed_in(auditor), job)) == 2
    entry = AuditEntry.objects.get(action="usage exported")
    assert entry.person_id == auditor.pk
    changes = json.loads(entry.changes)
    assert (changes["rows"], changes["filters"], changes["job"]) == ("requests", {"team": ["1"]}, job.pk)
    User.objects.filter(pk=asker.pk).update(is_superuser=False)
    asker.groups.clear()
    stranger = person(None, "state.view_job")
    page = signed_in(stranger).get(reverse("console:job", args=[job.pk])).content.decode()
    assert "Only those who may see requests may download it." in page
    assert "Search" not in page
    assert signed_in(stranger).get(reverse("console:job-export", args=[job.pk])).status_code == 403
    assert signed_in(auditor).post(reverse(f"admin:{REQUESTS}_prepare")).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_nothing_is_written_for_somebody_who_lost_the_right() -> None:
    _rows(1)
    asker = person(Role.ADMINISTRATOR)
    job = _asked(signed_in(asker), REQUESTS)
    User.objects.filter(pk=asker.pk).update(is_active=False)
    call_command("run_jobs", verbosity=0)
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "Whoever asked for it may not see these rows any more.")
    assert not file.prepared(job.pk).parent.exists()


@pytest.mark.django_db(transaction=True)
def test_a_stopped_one_leaves_no_file_and_notices_between_rows_that_do_not_match(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "BLOCK", 2)
    monkeypatch.setattr(reading, "READ", 2)
    _rows(6)
    browser, progress = signed_in(person(Role.OWNER)), []

    def stop(done: int, total: int | None, unit: str) -> None:
        progress.append((done, total))
        if len(progress) == 2:
            raise runner.Stopped

    for filters, seen in (({}, [(0, 6), (2, 6)]), ({"code": ["nothing"]}, [(0, None), (0, None)])):
        progress.clear()
        job = _asked(browser, REQUESTS, **filters)
        with pytest.raises(runner.Stopped):
            tasks.run(job, stop)
        assert progress == seen
        assert list(file.prepared(job.pk).parent.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_one_that_is_cancelled_when_all_is_written_leaves_no_file_either() -> None:
    _rows(2)
    job = _asked(signed_in(person(Role.OWNER)), REQUESTS)

    def stop(done: int, total: int | None, unit: str) -> None:
        if file.prepared(job.pk).exists():
            raise runner.Stopped

    with pytest.raises(runner.Stopped):
        tasks.run(job, stop)
    assert list(file.prepared(job.pk).parent.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_a_full_disk_and_a_folder_that_is_none_are_named(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    _rows(1)
    browser = signed_in(person(Role.OWNER))
    full = _asked(browser, REQUESTS)
    monkeypatch.setattr(exports, "LEFT_FREE", 2**60)
    call_command("run_jobs", verbosity=0)
    monkeypatch.undo()
    full.refresh_from_db()
    assert full.state == "failed"
    assert "is nearly full" in full.error
    assert list(settings.EXPORT_DIR.iterdir()) == []
    settings.EXPORT_DIR = settings.EXPORT_DIR / "file"
    settings.EXPORT_DIR.write_text("")
    barred = _asked(browser, REQUESTS)
    call_command("run_jobs", verbosity=0)
    barred.refresh_from_db()
    assert barred.state == "failed"
    assert "cannot be written" in barred.error


@pytest.mark.django_db(transaction=True)
def test_a_file_is_deleted_after_its_time_and_the_page_says_where_it_is(settings: Any) -> None:
    _rows(1)
    browser = signed_in(person(Role.OWNER))
    job = _asked(browser, REQUESTS)
    call_command("run_jobs", verbosity=0)
    job.refresh_from_db()
    assert job.found is not None
    path, page = file.prepared(job.pk), reverse("console:job", args=[job.pk])
    left = path.with_suffix(".part")
    left.write_bytes(b"of a process that was killed")
    foreign = path.parent / "notes.txt"
    foreign.write_text("")
    file.delete_old()
    assert path.exists()
    assert left.exists()
    long_ago = time.time() - file.KEPT.total_seconds() - 60
    for each in (left, foreign, path):
        os.utime(each, (long_ago, long_ago))
    file.delete_old()
    assert list(path.parent.iterdir()) == [foreign]
    assert f"It is not in {path.parent} any more." in browser.get(page).content.decode()
    Job.objects.filter(pk=job.pk).update(host="another-host")
    shown = browser.get(page).content.decode()
    assert "another-host wrote it to" in shown
    assert "EXPORT_DIR" in shown
    url = reverse("console:job-export", args=[job.pk])
    assert browser.get(url).status_code == 404
    # That of another job, which had the number before the database was restored.
    path.write_bytes(b"of another job")
    assert browser.get(url).status_code == 404
    path.write_bytes(b"." * job.found["bytes"])
    assert len(_bytes(browser.get(url))) == job.found["bytes"]
    Job.objects.update(ended_at=timezone.now() - file.KEPT)
    assert "It is kept for 7 days, which are over." in browser.get(page).content.decode()
    assert browser.get(url).status_code == 404
    assert AuditEntry.objects.filter(action="usage exported").count() == 1


@pytest.mark.django_db
def test_a_list_that_cannot_be_read_is_not_prepared() -> None:
    browser = signed_in(person(Role.OWNER))
    answer = browser.post(f"{reverse(f'admin:{REQUESTS}_prepare')}?team=nobody")
    assert (answer.status_code, Job.objects.exists()) == (400, False)
    assert "team must be the number of a team" in answer.content.decode()


def test_a_running_gateway_prepares_what_a_list_shows_and_deletes_it_later(own_database: Rows) -> None:
    call_command("generate_usage", rows=300, months=1, verbosity=0)
    gateway = Gateway("exports", workers=2).start()
    folder = Path(gateway.environment["DATA_DIR"]) / "exports"
    try:
        with Admin(gateway.base_url) as admin:
            listed = reverse(f"admin:{REQUESTS}_changelist") + "?range=30d"
            page = admin.submit_to(listed, reverse(f"admin:{REQUESTS}_prepare") + "?range=30d")
            assert "Prepare a file no." in page
            until(lambda: Job.objects.get().is_over, lambda: f"{Job.objects.values()} {gateway.logs()[-2000:]}")
            job = Job.objects.get()
            assert job.state == "done", job.error
            assert "Download" in admin.page(reverse("console:job", args=[job.pk]))
            sent = admin.download(reverse("console:job-export", args=[job.pk]))
            lines = gzip.decompress(sent).decode().splitlines()
            assert len(lines) == job.done + 1 > 200
        (path,) = folder.iterdir()
        long_ago = time.time() - file.KEPT.total_seconds() - 60
        os.utime(path, (long_ago, long_ago))
        gateway.stop()
        gateway.start()
        until(lambda: not path.exists(), lambda: gateway.logs()[-2000:])
    finally:
        gateway.stop()

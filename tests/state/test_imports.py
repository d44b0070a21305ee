"""Imports as jobs: what was confirmed is applied or nothing, and their files are encrypted and do not stay."""

from __future__ import annotations

import json
import signal
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from access.audit import chain
from access.models import AuditEntry, Team
from access.roles.table import Role
from providers.models import Credential, Provider
from proxysite.rotation import values
from proxysite.state.jobs import file, progress_file, runner
from proxysite.state.models import Job, JobFile
from tests.configuration.importing import FILE, SECRET, applied, looked_at, mark_on, page_of, press, read, sent
from tests.harness.database import KIND
from tests.harness.forms import Admin
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.permissions.people import person, signed_in

jobs = pytest.mark.django_db(transaction=True)
both = pytest.mark.both_databases


def _many(teams: int) -> str:
    return "version: 1\nteams:\n" + "".join(f"- name: team {at}\n" for at in range(teams))


def _confirmed(browser: Client, text: str) -> Job:
    """A job whose differences somebody has applied, which now waits."""
    job, page = looked_at(browser, text)
    press(browser, job, mark_on(page))
    job.refresh_from_db()
    assert job.state == "waiting"
    return job


@jobs
@both
def test_entries_of_the_audit_name_whoever_applied_it() -> None:
    sender, other = person(Role.OWNER, name="sender"), person(Role.OWNER, name="other")
    job, _ = looked_at(signed_in(sender), FILE)
    browser = signed_in(other)
    started = AuditEntry.objects.latest("number")
    applied(browser, job)
    assert job.state == "done"
    entries = AuditEntry.objects.filter(action__in=("configuration imported", "created"), number__gt=started.number)
    assert [*entries.order_by("number").values_list("action", "object_type", "person_name")] == [
        ("created", "access.team", "other"),
        ("created", "providers.provider", "other"),
        ("created", "providers.credential", "other"),
        ("configuration imported", "", "other"),
    ]
    steps = AuditEntry.objects.filter(action__in=("job started", "import confirmed")).order_by("number")
    assert [*steps.values_list("action", "person_name")] == [("job started", "sender"), ("import confirmed", "other")]
    assert json.loads(steps[0].changes) == {"file": "gateway.yaml", "format": "auto"}
    assert [*chain.faults()] == []


@jobs
@both
@pytest.mark.parametrize("when", ["before the look", "before the write"])
def test_nothing_is_written_for_somebody_who_lost_the_right(when: str) -> None:
    owner = person(Role.OWNER)
    person(Role.OWNER)
    browser = signed_in(owner)
    job = sent(browser, FILE) if when == "before the look" else _confirmed(browser, FILE)
    User.objects.filter(pk=owner.pk).update(is_superuser=False)
    call_command("run_jobs", verbosity=0)
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "Whoever sent the file may not import any more. Nothing was written.")
    assert not Provider.objects.exists()
    assert not JobFile.objects.exists()


@jobs
def test_whoever_may_not_import_sees_that_there_is_one_and_nothing_of_it() -> None:
    job, _ = looked_at(signed_in(person(Role.OWNER)), FILE)
    auditor = signed_in(person(Role.AUDITOR))
    page = read(auditor, job)
    assert "to confirm" in page
    for hidden in ("vendor.example", "to create", "gateway.yaml", "Apply these changes"):
        assert hidden not in page
    for role in (Role.AUDITOR, Role.ADMINISTRATOR):
        assert press(signed_in(person(role)), job, str(job.found and job.found["mark"])).status_code == 403


@jobs
@both
@pytest.mark.parametrize("at", [0, 2])
def test_one_that_is_cancelled_while_it_writes_leaves_nothing(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = person(Role.OWNER)
    browser = signed_in(owner)
    job = _confirmed(browser, FILE)
    noted = runner.Running._note

    def unwanted() -> None:
        Job.objects.filter(pk=job.pk).update(is_unwanted=True)
        connection.close()

    def note(self: Any, done: int, total: int | None, unit: str) -> None:
        if done == at:
            # Somebody presses Cancel on another connection, which SQLite does not let write now.
            if KIND == "sqlite":
                self._unwanted = True
            else:
                thread = Thread(target=unwanted)
                thread.start()
                thread.join()
        noted(self, done, total, unit)

    monkeypatch.setattr(runner.Running, "_note", note)
    call_command("run_jobs", verbosity=0)
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert not Team.objects.exists()
    assert not Provider.objects.exists()
    assert not JobFile.objects.exists()
    assert not AuditEntry.objects.filter(action="configuration imported").exists()


@jobs
@both
def test_one_that_waits_for_somebody_is_cancelled_at_once() -> None:
    browser = signed_in(person(Role.OWNER))
    job, page = looked_at(browser, FILE)
    browser.post(reverse("console:job-cancel", args=[job.pk]))
    assert "is cancelled" in read(browser, job)
    assert job.state == "cancelled"
    assert not JobFile.objects.exists()
    press(browser, job, mark_on(page))
    call_command("run_jobs", verbosity=0)
    assert not Team.objects.exists()


@jobs
@both
@pytest.mark.parametrize("step", ["waiting", "to confirm"])
def test_one_that_nobody_applies_is_cancelled_and_its_file_deleted(step: str) -> None:
    browser = signed_in(person(Role.OWNER))
    job = sent(browser, FILE) if step == "waiting" else looked_at(browser, FILE)[0]
    assert job.state == step
    runner.abandon_dead()
    assert JobFile.objects.count() == 1
    JobFile.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    runner.abandon_dead()
    job.refresh_from_db()
    assert (job.state, job.error) == ("cancelled", file.EXPIRED)
    assert not JobFile.objects.exists()
    assert "Nobody applied it for 24 hours" in read(browser, job)


@jobs
@both
def test_one_whose_process_was_killed_leaves_nothing_but_that_it_was() -> None:
    browser = signed_in(person(Role.OWNER))
    job = _confirmed(browser, FILE)
    assert runner.claim() is not None
    Job.objects.update(seen_at=timezone.now() - timedelta(hours=1))
    if KIND == "sqlite":
        # It holds the database's lock, so that it cannot write there that it runs.
        with progress_file.ProgressFile(job.pk) as beside:
            beside.is_unwanted(progress_file.Progress(1, 3, "entries"))
            runner.abandon_dead()
            job.refresh_from_db()
            assert job.state == "running"
            assert "Applied: 1 of 3 entries" in read(browser, job)
    runner.abandon_dead()
    job.refresh_from_db()
    assert (job.state, job.error) == ("abandoned", runner.IMPORT_STOPPED)
    assert not JobFile.objects.exists()
    assert not Team.objects.exists()


@jobs
@both
def test_keys_are_rotated_while_a_file_waits(settings: Any) -> None:
    browser = signed_in(person(Role.OWNER))
    job, _ = looked_at(browser, FILE)
    new = Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [new, *settings.ENCRYPTION_KEYS]
    assert values.renew().earlier == 1
    settings.ENCRYPTION_KEYS = [new]
    applied(browser, job)
    assert job.state == "done"
    assert Credential.objects.count() == 1
    lost = sent(browser, FILE)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    call_command("run_jobs", verbosity=0)
    assert "its key is not in ENCRYPTION_KEYS any more" in read(browser, lost)
    assert lost.state == "failed"


@jobs
def test_imports_run_before_jobs_that_asked_earlier() -> None:
    options = {"first": "", "last": ""}
    earlier = Job.objects.create(kind=Job.Kind.CHECK, options=options)
    browser = signed_in(person(Role.OWNER))
    job = sent(browser, FILE)
    assert "It starts within a few seconds." in read(browser, job)
    assert "1 before it." in read(browser, earlier)
    claimed = runner.claim()
    assert claimed is not None
    assert claimed.pk == job.pk


class _Applying:
    """A running gateway that applies a file which takes it some seconds."""

    def __init__(self, gateway: Gateway, admin: Admin) -> None:
        self._gateway = gateway
        # What is done with it must begin before it is over, also on a machine that has much to do.
        text = _many(2_000) + FILE.partition("- name: Research\n")[2]
        admin.send_file(reverse("console:configuration"), "gateway.yaml", text)
        self.job = Job.objects.latest("pk")
        until(lambda: self.state() == "to confirm", self.stands)
        mark = mark_on(admin.page(page_of(self.job)))
        admin.submit_to(page_of(self.job), reverse("console:job-apply", args=[self.job.pk]), mark=mark)
        until(lambda: self.state() == "running" and "Applied: " in admin.page(page_of(self.job)), self.stands)

    def state(self) -> str:
        self.job.refresh_from_db()
        return self.job.state

    def stands(self) -> str:
        return f"{Job.objects.filter(pk=self.job.pk).values()} {self._gateway.logs()[-2000:]}"

    def assert_nothing_stays(self) -> None:
        until(lambda: self.state() != "running", self.stands)
        assert not Team.objects.filter(name__startswith="team ").exists()
        assert not Provider.objects.filter(name="vendor").exists()
        assert not JobFile.objects.exists()


@both
def test_one_that_a_running_gateway_applies_is_cancelled(own_database: Rows) -> None:
    gateway = Gateway("import-cancelled").start()
    try:
        with Admin(gateway.base_url) as admin:
            applying = _Applying(gateway, admin)
            page = admin.submit_to(page_of(applying.job), reverse("console:job-cancel", args=[applying.job.pk]))
            assert "Nothing of it is written." in page
            applying.assert_nothing_stays()
            assert applying.state() == "cancelled"
            until(lambda: AuditEntry.objects.filter(action="job cancelled").count() == 1)
    finally:
        gateway.stop()


@both
def test_a_killed_gateway_leaves_the_configuration_as_it_was(own_database: Rows) -> None:
    gateway = Gateway("import-killed").start()
    folder = Path(gateway.environment["DATA_DIR"])
    try:
        with Admin(gateway.base_url) as admin:
            applying = _Applying(gateway, admin)
            gateway.signal(signal.SIGKILL)
            gateway.wait_exit()
            # Its process sees that the gateway is gone.
            applying.assert_nothing_stays()
            assert (applying.state(), applying.job.error) == ("abandoned", runner.IMPORT_STOPPED)
    finally:
        gateway.signal(signal.SIGKILL)
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert SECRET.encode() not in written
    assert SECRET not in gateway.logs()

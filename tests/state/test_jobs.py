"""Long work: started on a page, done by another process one at a time, and honest about how it ended."""

from __future__ import annotations

import json
import re
import signal
import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from access.models import AuditEntry
from access.roles.table import Role
from providers.models import Model, Provider
from providers.pricing.prices import Price
from proxysite.state.jobs import runner, tasks
from proxysite.state.models import Job
from streaming import runtime
from tests.admin.history import request_row
from tests.harness.forms import Admin
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.permissions.people import person
from usage import repricing
from usage.models import RequestLog
from usage.rollups.models import UsageRollup

_ALL = {"first": "", "last": ""}


def _dear_row() -> UUID:
    """A request that cost five dollars, of a model that costs two today."""
    provider, _ = Provider.objects.get_or_create(name="p", dialect="openai_chat", base_url="https://example.com/v1")
    model, is_new = Model.objects.get_or_create(provider=provider, name="m")
    if is_new:
        Price.objects.create(model=model, input=2, output=0)
    fields = {
        "provider_name": "p",
        "model_name": "m",
        "model_id": model.pk,
        "input_tokens": 1_000_000,
        "output_tokens": 0,
    }
    return request_row(attempts=1, cost=5_000_000_000_000, **fields)


def _reprice(write: bool, by: User | None = None) -> Job:
    today = f"{timezone.localdate()}"
    options = {"first": today, "last": today, "model": "", "prices": "now", "write": write}
    return Job.objects.create(kind=Job.Kind.REPRICE, options=options, user_id=by.pk if by else None)


@pytest.mark.django_db(transaction=True)
def test_rollups_are_checked_and_rebuilt() -> None:
    request_row(team_id=1, input_tokens=7)
    UsageRollup.objects.filter(overall=True).update(input_tokens=F("input_tokens") + 1)
    jobs = [
        Job.objects.create(kind=kind, options=_ALL) for kind in ("check_rollups", "rebuild_rollups", "check_rollups")
    ]
    call_command("run_jobs", verbosity=0)
    checked, rebuilt, again = Job.objects.filter(pk__in=[job.pk for job in jobs]).order_by("pk")
    assert {job.state for job in (checked, rebuilt, again)} == {"done"}
    assert "differ from the rows" in checked.result[0]
    assert "input_tokens is 8, should be 7" in "\n".join(checked.result)
    assert "rebuilt" in rebuilt.result[0]
    assert again.result == ["All rollups match the rows."]
    assert AuditEntry.objects.filter(action="rollups rebuilt").count() == 1
    assert (again.unit, again.percent, again.ended_at is None) == ("steps", 100, False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("write", [False, True])
def test_usage_is_repriced(write: bool) -> None:
    row = _dear_row()
    owner = person(Role.OWNER)
    _reprice(write, owner)
    call_command("run_jobs", verbosity=0)
    job = Job.objects.get()
    assert (job.state, job.done, job.total, job.percent) == ("done", 1, 1, 100)
    assert job.result[0] == "p: m: 1 requests, $5.00 → $2.00"
    assert RequestLog.objects.get(pk=row).repriced_cost == (2 if write else None)
    entries = AuditEntry.objects.filter(action="usage repriced").values_list("person_id", "person_name")
    assert [*entries] == ([(owner.pk, owner.username)] if write else [])


@pytest.mark.django_db(transaction=True)
def test_what_a_stopped_job_has_written_is_in_the_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repricing, "PAGE", 1)
    rows = [_dear_row() for _ in range(2)]

    def stop(done: int, total: int | None, unit: str) -> None:
        if done:
            raise runner.Stopped

    for job in (_reprice(write=False), _reprice(write=True)):
        with pytest.raises(runner.Stopped):
            tasks.run(job, stop)
    assert RequestLog.objects.filter(pk__in=rows, repriced_cost=2).count() == 1
    entry = AuditEntry.objects.get(action="usage repriced")
    assert json.loads(entry.changes)["requests"] == 1


@pytest.mark.django_db(transaction=True)
def test_what_a_stopped_rebuild_has_written_is_in_the_audit() -> None:
    request_row(team_id=1, input_tokens=7)
    UsageRollup.objects.filter(overall=True).update(input_tokens=F("input_tokens") + 1)

    def stop(done: int, total: int | None, unit: str) -> None:
        # Behind the one day, while attempts, sessions and months are left.
        if done:
            raise runner.Stopped

    with pytest.raises(runner.Stopped):
        tasks.run(Job.objects.create(kind=Job.Kind.REBUILD, options=_ALL), stop)
    assert json.loads(AuditEntry.objects.get(action="rollups rebuilt").changes)["differences"] == 1


@pytest.mark.django_db(transaction=True)
def test_one_runs_at_a_time_and_a_dead_one_is_given_up() -> None:
    first, second = (Job.objects.create(kind=Job.Kind.CHECK, options=_ALL) for _ in range(2))
    claimed = runner.claim()
    assert claimed is not None
    assert claimed.pk == first.pk
    assert runner.claim() is None
    # Its process was killed: nothing was written for longer than it takes.
    Job.objects.filter(pk=first.pk).update(seen_at=timezone.now() - timedelta(hours=1))
    claimed = runner.claim()
    assert claimed is not None
    assert claimed.pk == second.pk
    first.refresh_from_db()
    assert (first.state, first.error) == ("abandoned", runner.STOPPED)


@pytest.mark.django_db(transaction=True)
def test_a_fault_is_named_and_the_next_job_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    Job.objects.create(kind=Job.Kind.CHECK, options={"first": "no day", "last": ""})
    Job.objects.create(kind=Job.Kind.CHECK, options=_ALL)
    assert runner.run_all(threading.Event()) == 2
    failed, done = Job.objects.order_by("pk")
    assert (failed.state, failed.error) == ("failed", "ValueError. The log has the details.")
    assert done.state == "done"


@pytest.mark.django_db
def test_pages_start_and_cancel(admin_client: Client) -> None:
    wrong = admin_client.post(
        reverse("console:job-start", args=["reprice"]),
        {"reprice-first": "2026-11-09", "reprice-last": "2026-11-01", "reprice-prices": "now"},
    )
    assert wrong.status_code == 400
    assert "The last day is before the first." in wrong.content.decode()
    assert not Job.objects.exists()
    started: Any = admin_client.post(reverse("console:job-start", args=["check_rollups"]))
    job = Job.objects.get()
    assert started.url == reverse("console:job", args=[job.pk])
    assert "starts within a few seconds" in admin_client.get(started.url).content.decode()
    admin_client.post(reverse("console:job-cancel", args=[job.pk]))
    page = admin_client.get(started.url).content.decode()
    assert "cancelled" in page
    assert not re.search(r">\s*Cancel\s*</button>", page)
    assert [
        *AuditEntry.objects.filter(action__startswith="job").order_by("number").values_list("action", flat=True)
    ] == [
        "job started",
        "job cancelled",
    ]
    assert runner.claim() is None


@pytest.mark.django_db
def test_a_page_that_is_looked_at_writes_nothing_about_jobs(admin_client: Client) -> None:
    Job.objects.create(kind=Job.Kind.CHECK, options=_ALL)
    with CaptureQueriesContext(connection) as queries:
        assert "waiting" in admin_client.get(reverse("console:jobs")).content.decode()
    asked = [query["sql"] for query in queries if "state_job" in query["sql"]]
    assert asked
    assert [sql for sql in asked if not sql.startswith("SELECT")] == []


@pytest.mark.django_db
def test_a_process_that_does_not_start_is_reported_and_the_job_waits(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(runtime, "_current", object())
    settings.BASE_DIR = settings.BASE_DIR / "nowhere"
    started = admin_client.post(reverse("console:job-start", args=["check_rollups"]), follow=True)
    assert "could not be started now" in started.content.decode()
    assert Job.objects.get().state == "waiting"


def test_a_running_job_is_cancelled_and_the_next_one_ends_with_its_gateway(own_database: Rows) -> None:
    request_row(attempts=1)
    gateway = Gateway("jobs-ended").start()
    # Of so many days that it does not end by itself.
    days = {"check_rollups-first": "1000-01-01", "check_rollups-last": "2026-01-01"}

    def is_under_way(job: Job) -> bool:
        job.refresh_from_db()
        return job.state == "running" and job.done > 0

    def stands(job: Job) -> str:
        return f"{Job.objects.filter(pk=job.pk).values()} {gateway.logs()[-2000:]}"

    try:
        with Admin(gateway.base_url) as admin:
            admin.submit_to(reverse("console:jobs"), reverse("console:job-start", args=["check_rollups"]), **days)
            job = Job.objects.get()
            until(lambda: is_under_way(job), lambda: stands(job))
            page = reverse("console:job", args=[job.pk])
            admin.submit_to(page, reverse("console:job-cancel", args=[job.pk]))
            until(lambda: Job.objects.get().state == "cancelled", lambda: stands(job))
        # Nobody opens a page for the next one.
        following = Job.objects.create(kind=Job.Kind.CHECK, options=job.options)
        until(lambda: is_under_way(following), lambda: stands(following))
    finally:
        gateway.signal(signal.SIGKILL)
        gateway.wait_exit()
    until(lambda: Job.objects.get(pk=following.pk).is_over, lambda: stands(following))
    following.refresh_from_db()
    assert (following.state, following.error) == ("abandoned", runner.STOPPED)


def test_a_running_gateway_does_what_a_page_asked_for(own_database: Rows) -> None:
    call_command("generate_usage", rows=200, months=1, verbosity=0)
    gateway = Gateway("jobs", workers=2).start()
    try:
        with Admin(gateway.base_url) as admin:
            page = admin.submit_to(reverse("console:jobs"), reverse("console:job-start", args=["check_rollups"]))
            assert "Check rollups no." in page
            until(lambda: Job.objects.get().is_over, lambda: f"{Job.objects.values()} {gateway.logs()[-2000:]}")
            job = Job.objects.get()
            assert (job.state, job.result) == ("done", ["All rollups match the rows."])
            assert "All rollups match the rows." in admin.page(reverse("console:job", args=[job.pk]))
    finally:
        gateway.stop()

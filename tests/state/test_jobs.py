"""Long work: started on a page, done by another process one at a time, and honest about how it ended."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from access.models import AuditEntry
from proxysite.state.jobs import runner
from proxysite.state.models import Job
from tests.admin.history import request_row
from tests.harness.forms import Admin
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from usage.models import RequestLog
from usage.rollups.models import UsageRollup

_ALL = {"first": "", "last": ""}


def _reprice(write: bool) -> Job:
    today = f"{timezone.localdate()}"
    options = {"first": today, "last": today, "model": "", "prices": "now", "write": write}
    return Job.objects.create(kind=Job.Kind.REPRICE, options=options)


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
    assert (again.unit, again.ended_at is None) == ("days", False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("write", [False, True])
def test_usage_is_repriced(write: bool) -> None:
    row = request_row(attempts=1, provider_name="p", model_name="m", cost=5_000_000_000_000)
    _reprice(write)
    call_command("run_jobs", verbosity=0)
    job = Job.objects.get()
    assert (job.state, job.done, job.total, job.percent) == ("done", 1, 1, 100)
    assert job.result[0] == "p: m: 1 requests, 1 without a price, $5.00 → $0.00"
    assert RequestLog.objects.get(pk=row).repriced_cost is None
    assert AuditEntry.objects.filter(action="usage repriced").exists() == write


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
def test_a_job_ends_when_its_gateway_does() -> None:
    request_row(attempts=1)
    _reprice(write=False)
    claimed, ended = runner.claim(), threading.Event()
    assert claimed is not None
    ended.set()
    runner.Running(claimed, ended).run()
    assert Job.objects.get().state == "abandoned"


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

"""Rows for tests of every page, which take more than one line to make."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from django.utils import timezone

from access.models import Budget, RateLimit, Team
from configuration.apply.import_report import Change
from proxysite.state.jobs.fetches import Fetched, Unlisted
from proxysite.state.jobs.file import keep
from proxysite.state.jobs.imports import Found, Untouched, options
from proxysite.state.models import Job
from tests.admin.history import request_row
from usage.reports.rows.file import prepared
from usage.statements.closing import close

MARK = "0" * 64
"""That of the import's differences."""


def closed_statement(team: Team) -> None:
    """Makes a request of a month that is over, and the statement of that month."""
    last_year = timezone.now() - timedelta(days=366)
    request_row(started_at=last_year, team_id=team.pk, team_name=team.name)
    next(close(team.pk, last_year.date().replace(day=1)))


def set_by_a_lead(team: Team) -> None:
    """Makes a budget and a limit of each member, as a lead does."""
    RateLimit.objects.create(members_of=team, measure="requests", most=9, leads_may_change=True)
    Budget.objects.create(members_of=team, amount=9, leads_may_change=True)


def fetched_lists() -> None:
    """Makes a job that has fetched two model lists, of which one failed, of providers that are gone."""
    lists = [
        Fetched(10**6, "one", 2, ["new"], 1, [Unlisted("retired", ["fast"])], 1),
        Fetched(10**6 + 1, "two", problem="The list could not be fetched: its server could not be reached."),
    ]
    Job.objects.create(
        kind=Job.Kind.FETCH, options={"providers": []}, state=Job.State.DONE, done=2, total=2, unit="providers",
        found={"providers": msgspec.to_builtins(lists)}, ended_at=timezone.now(),
    )  # fmt: skip


def prepared_file() -> None:
    """Makes a job that has written a file of requests, and the file."""
    now = timezone.now()
    options = {"rows": "requests", "since": f"{now}", "until": f"{now}", "filters": {}, "id": ""}
    found = {"rows": 0, "bytes": 9, "folder": "/exports"}
    job = Job.objects.create(kind=Job.Kind.EXPORT, options=options, state=Job.State.DONE, ended_at=now, found=found)
    prepared(job.pk).parent.mkdir(parents=True, exist_ok=True)
    prepared(job.pk).write_bytes(b"a file of")


def unconfirmed_import() -> None:
    """Makes an import whose differences wait for somebody to apply them."""
    row = Change("create", "team", "Research", (("notes", "", "new"), ("enabled", "yes", "no")))
    found = Found(
        mark=MARK, format="gateway configuration", counts={"create": 1, "change": 0, "remove": 0, "same": 2},
        changes=[row], more=1, untouched=[Untouched("routes", ["fast"], 3)], not_carried_over=["a"], to_do=["b"],
    )  # fmt: skip
    job = Job.objects.create(
        kind=Job.Kind.IMPORT, options=options("gateway.yaml", "auto"), state=Job.State.TO_CONFIRM, done=3, total=3,
        unit="entries", found=msgspec.to_builtins(found),
    )  # fmt: skip
    keep(job, "version: 1")

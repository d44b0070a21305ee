"""Imports a configuration file in two steps: what it would change, and, once somebody has confirmed that, the same
applied. Each step ends the job's row itself: the last one in the transaction that writes the configuration, so that
both are there, or neither."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from access import audit
from access.audit.context import of_person
from access.permissions import IMPORT, may
from configuration.apply.import_configuration import import_configuration
from configuration.apply.import_report import Change, ImportReport
from configuration.file.lines import line_of
from configuration.file.reading import ParsedFile, read_text
from configuration.file.schema import ConfigurationError
from proxysite.state.jobs import file, progress_file
from proxysite.state.jobs.work import Cancelled, Progress, Refused, Stopped, person_of, who_asked
from proxysite.state.models import Job, JobFile

MOST_JSON5: Final = 50_000
"""Characters of JSON that is not plain: it takes a second for every 15,000, in which nobody can cancel it."""
SHOWN: Final = 300
"""Rows whose changes are kept for the page."""
_NAMES: Final = 20
"""Rows that the file does not mention, of each kind."""
_UNIT: Final = "entries"
_NO_LONGER: Final = "Whoever sent the file may not import any more. Nothing was written."
_WRONG: Final = "The file has an error. Nothing was written."


class Untouched(msgspec.Struct, frozen=True):
    """Rows of a kind that the file does not mention: the first names, and how many more there are."""

    kind: str
    names: list[str]
    more: int


class Found(msgspec.Struct, frozen=True):
    """What the page shows: the differences, or (`done`) what was written, or (`problem`) what is wrong with the file.

    `has_changed` says that somebody had confirmed other differences than these.
    """

    mark: str = ""
    format: str = ""
    counts: dict[str, int] = {}
    changes: list[Change] = []
    more: int = 0
    untouched: list[Untouched] = []
    not_carried_over: list[str] = []
    to_do: list[str] = []
    problem: str = ""
    done: bool = False
    has_changed: bool = False


def options(name: str, format: str) -> dict[str, Any]:
    """Returns the options of a job that looks at a file. With the `mark` of what it found it applies that."""
    return {"file": name, "format": format}


def found(job: Job) -> Found | None:
    """Returns what a job has found; None where it has found nothing yet."""
    return None if job.found is None else msgspec.convert(job.found, Found)


def import_file(job: Job, progress: Progress) -> None:
    """Does the next step of an import. Raises Refused, what `progress` raises, Stopped and django.db.Error."""
    text = file.read(job)
    with progress_file.ProgressFile(job.pk) as beside:
        try:
            # Variables that a file of another gateway names are not read: their values would be shown.
            parsed = read_text(text, job.options["format"], environ={}, most_json5=MOST_JSON5)
            _Import(job, text, parsed, _Counted(parsed, progress, beside)).run()
        except ConfigurationError as error:
            line = line_of(text, str(error))
            problem = f"{f'Line {line}: ' if line else ''}{error}"
            _end(job, Job.State.FAILED, Found(problem=problem), error=_WRONG)


class _Counted:
    """Counts the entries of a file as they are looked at."""

    def __init__(self, parsed: ParsedFile, progress: Progress, beside: progress_file.ProgressFile) -> None:
        self.total = sum(1 for _ in _entries(parsed.configuration)) - 1
        self._done = 0
        self._progress, self._beside = progress, beside

    def __call__(self) -> None:
        self._progress(self._done, self.total, _UNIT)
        if self._beside.is_unwanted(progress_file.Progress(self._done, self.total, _UNIT)):
            raise Cancelled
        # Some entries are more than a row.
        self._done = min(self._done + 1, self.total)


class _Import:
    """A step of an import."""

    def __init__(self, job: Job, text: str, parsed: ParsedFile, count: _Counted) -> None:
        self._job, self._text, self._parsed, self._count = job, text, parsed, count
        self._confirmed: str = job.options.get("mark", "")

    def run(self) -> None:
        with transaction.atomic():
            # Nobody changes a row of configuration, or the rights of a person, from here on.
            audit.lock()
            _refuse_those_who_may_not(person_of(self._job))
            # Nothing was looked at yet where nothing is confirmed. What differs from that is taken back.
            with of_person(who_asked(self._job)):
                report = import_configuration(self._parsed, write=bool(self._confirmed), each=self._count)
                seen = mark_of(self._text, report)
                if self._confirmed == seen:
                    changes = {"format": self._parsed.title, **dict(report.count()), "job": self._job.pk}
                    audit.record("configuration imported", changes=changes)
                    self._end(Job.State.DONE, report, seen)
                else:
                    transaction.set_rollback(True)
        if self._confirmed != seen:
            is_same = not any(change.action != "same" for change in report.changes)
            self._end(Job.State.DONE if is_same else Job.State.TO_CONFIRM, report, seen)

    def _end(self, state: Job.State, report: ImportReport, mark: str) -> None:
        """Writes what was found. What can be applied has another day for that."""
        changes = [change for change in report.changes if change.action != "same"]
        count, was_confirmed = report.count(), self._confirmed == mark
        result = Found(
            mark=mark,
            format=self._parsed.title,
            counts={action: count[action] for action in ("create", "change", "remove", "same")},
            changes=changes[:SHOWN],
            more=max(0, len(changes) - SHOWN),
            untouched=[
                Untouched(kind, names[:_NAMES], max(0, len(names) - _NAMES)) for kind, names in report.untouched.items()
            ],
            not_carried_over=report.not_carried_over,
            to_do=report.to_do,
            done=was_confirmed,
            has_changed=bool(self._confirmed) and not was_confirmed,
        )
        _end(self._job, state, result, total=self._count.total)


def mark_of(text: str, report: ImportReport) -> str:
    """Returns what tells a file with its differences from any other."""
    found = hashlib.sha256(text.encode())
    for change in report.changes:
        found.update(repr((change.action, change.kind, change.name, change.lines)).encode())
    return found.hexdigest()


def _end(job: Job, state: Job.State, result: Found, *, total: int | None = None, error: str = "") -> None:
    """Ends the step. Raises Stopped where the job is no more to be done: nothing that the transaction wrote stays."""
    with transaction.atomic():
        mine = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, is_unwanted=False)
        ended = mine.update(
            state=state, found=msgspec.to_builtins(result), error=error, seen_at=Now(),
            done=total or 0, total=total, unit=_UNIT if total is not None else "",
            ended_at=None if state == Job.State.TO_CONFIRM else Now(),
        )  # fmt: skip
        if not ended:
            raise Stopped
        if state == Job.State.TO_CONFIRM:
            file.extend(job.pk)
        else:
            JobFile.objects.filter(pk=job.pk).delete()


def _refuse_those_who_may_not(person: User | None) -> None:
    if person is None or not may(person, IMPORT):
        raise Refused(_NO_LONGER)


def _entries(value: object) -> Iterator[object]:
    """Yields a struct and those in it, at any depth."""
    if isinstance(value, msgspec.Struct):
        yield value
        for name in value.__struct_fields__:
            yield from _entries(getattr(value, name))
    elif isinstance(value, list):
        for one in value:
            yield from _entries(one)

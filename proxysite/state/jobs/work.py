"""What a job is given and what it returns."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import msgspec
from django.contrib.auth.models import User

from access.audit.context import Who, current
from proxysite.state.models import Job

Progress = Callable[[int, int | None, str], None]
"""Called with what is done, of how much, in which unit. Raises what ends the job."""


class Refused(Exception):
    """The job cannot be done; the message says why and what to do."""


class Stopped(Exception):
    """The job is to end: somebody cancelled it, or the gateway stops."""


class Cancelled(Stopped):
    """Somebody cancelled the job."""


class Result(msgspec.Struct, frozen=True):
    """Lines about what was found and done, and what else the page shows, as JSON can hold it."""

    lines: list[str]
    found: dict[str, Any] | None = None


def host_name() -> str:
    """Returns the name of this host, as a job keeps it."""
    return socket.gethostname()[:120]


def person_of(job: Job) -> User | None:
    """Returns who asked for it, as they are now; None where they are gone."""
    return None if job.user_id is None else User.objects.filter(pk=job.user_id).first()


def who_asked(job: Job) -> Who:
    """Returns whose deed it is what a job writes: that of whoever asked for it."""
    who, person = current(), person_of(job)
    return who if person is None else Who(who.origin, person.pk, person.get_username())

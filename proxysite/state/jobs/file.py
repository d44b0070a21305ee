"""The file that a job was given: encrypted in the database until the job is over, and in clear in memory alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models.functions import Now

from providers import secrets
from proxysite.state.jobs.work import Refused
from proxysite.state.models import OPEN, Job, JobFile

UNCONFIRMED: Final = timedelta(hours=24)
"""For so long a file waits for the job's next step."""
EXPIRED: Final = "Nobody applied it for 24 hours, so its file was deleted. Nothing was written: send the file again."
_UNREADABLE: Final = (
    "The file cannot be decrypted: its key is not in ENCRYPTION_KEYS any more. Nothing was written: send it again."
)


def keep(job: Job, text: str) -> None:
    """Stores the file of a job. Raises ImproperlyConfigured where there is no encryption key."""
    JobFile.objects.create(job=job, sealed=secrets.encrypt(text), expires_at=Now() + UNCONFIRMED)


def extend(job_id: int) -> None:
    """Gives a file its whole time again."""
    JobFile.objects.filter(pk=job_id).update(expires_at=Now() + UNCONFIRMED)


def read(job: Job) -> str:
    """Returns the file of a job. Raises Refused where it is gone, or cannot be decrypted."""
    file = JobFile.objects.filter(pk=job.pk).first()
    if file is None:
        raise Refused("The file is not here any more. Nothing was written: send it again.")
    try:
        return secrets.decrypt(file.sealed)
    except secrets.UnreadableSecret as error:
        raise Refused(_UNREADABLE) from error


def delete_old() -> None:
    """Cancels jobs that waited too long for somebody, and deletes the files of those that are over. Raises
    django.db.Error."""
    # This is asked every few seconds, so nothing is written where there is nothing to write.
    waits = (Job.State.WAITING, Job.State.TO_CONFIRM)
    late = Job.objects.filter(state__in=waits, file__expires_at__lt=Now())
    if ids := [*late.values_list("pk", flat=True)]:
        Job.objects.filter(pk__in=ids, state__in=waits).update(state=Job.State.CANCELLED, ended_at=Now(), error=EXPIRED)
    over = JobFile.objects.exclude(job__state__in=OPEN)
    if ids := [*over.values_list("pk", flat=True)]:
        JobFile.objects.filter(pk__in=ids).delete()

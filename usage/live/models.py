"""What workers say of their streams while somebody looks, and the streams that are to be cut."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class _OfWorker(models.Model):
    """What one worker says: one row for each, overwritten."""

    worker = models.CharField(max_length=120, primary_key=True)
    at = models.DateTimeField(help_text="By the worker's clock.")

    class Meta:
        abstract = True
        default_permissions = ()

    def __str__(self) -> str:
        return self.worker


class LiveSample(_OfWorker):
    """What one worker's streams are at a moment (usage.live.streams.Sample)."""

    streams = models.BinaryField()


class RefusalSample(_OfWorker):
    """Requests with refused client keys that one worker had last (a list of usage.live.refusals.Note), while somebody
    waits for a first request."""

    requests = models.BinaryField()


class Cut(models.Model):
    """A stream that somebody had cut. The worker that has it says so in `done_at`."""

    request_log_id = models.UUIDField(db_index=True)
    asked_at = models.DateTimeField(default=timezone.now, db_index=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        permissions = (("cut_stream", "Can cut a stream that runs"),)

    def __str__(self) -> str:
        return str(self.request_log_id)

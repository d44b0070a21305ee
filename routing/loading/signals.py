"""Counters that all workers read with the revisions."""

from __future__ import annotations

from django.db import models


class Signal(models.Model):
    """Counters that make workers do something and load nothing. In a table of their own: workers of a version before
    them reload at any change of the other one."""

    class Name(models.TextChoices):
        """What is signalled."""

        LIVE = "live"
        """Somebody looks at the streams that run."""
        REFUSALS = "refusals"
        """Somebody waits for a request, which may have a key that is refused."""
        CUT = "cut"
        """A stream is to be cut."""

    name = models.CharField(max_length=10, primary_key=True, choices=Name.choices)
    number = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name} {self.number}"

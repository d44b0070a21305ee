"""What the workers tell each other of circuits that opened: one row each. Written by routing.health.sharing only."""

from __future__ import annotations

from django.db import models


class HealthState(models.Model):
    """The latest state of one circuit: the way to a provider, a candidate, a credential, or a model by a credential."""

    class State(models.TextChoices):
        """An open circuit ends with a probe, a pause by itself."""

        CLOSED = "closed", "well"
        OPEN = "open", "open"
        HALF_OPEN = "half_open", "being probed"
        PAUSED = "paused", "paused"

    key = models.CharField(max_length=60, primary_key=True)
    state = models.CharField(max_length=9, choices=State.choices)
    since = models.DateTimeField(help_text="When it came into this state.")
    until = models.DateTimeField(help_text="Before this nothing is tried.")
    seconds = models.FloatField(default=0, help_text="How long it was opened for.")
    failures = models.PositiveIntegerField(default=0, help_text="One after the other, up to then.")
    openings = models.PositiveIntegerField(default=0, help_text="How often it opened since the last success.")
    cause = models.CharField(max_length=40, blank=True)
    changed_at = models.DateTimeField(db_index=True)
    changed_by = models.CharField(max_length=120, help_text="The worker that found out, or who reset it.")

    class Meta:
        ordering = ["key"]
        verbose_name = "health state"

    def __str__(self) -> str:
        return f"{self.key} {self.state}"

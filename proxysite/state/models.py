"""Rows about the processes of the gateway, which know of each other by these alone."""

from __future__ import annotations

from django.db import models


class Worker(models.Model):
    """One process, as it described itself last. It writes its row alone, and removes it when it ends in order.

    `facts` are those of `proxysite.state.reporter.Facts`.
    """

    class Kind(models.TextChoices):
        GATEWAY = "gateway"
        PAGES = "pages"

    name = models.CharField(max_length=120, primary_key=True, help_text="Its host, process id and a mark of its own.")
    kind = models.CharField(max_length=7, choices=Kind.choices)
    version = models.CharField(max_length=60)
    started_at = models.DateTimeField(help_text="By the clock of its host.")
    seen_at = models.DateTimeField(help_text="When it wrote this, by the database's clock.")
    facts = models.JSONField(default=dict)

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.name


class Job(models.Model):
    """Work that takes longer than a page: asked for on a page, done by a process of its own, one at a time.

    The process writes `seen_at` and the progress every few seconds; where it stops doing so, the job is abandoned.
    """

    class Kind(models.TextChoices):
        REPRICE = "reprice", "Re-price usage"
        CHECK = "check_rollups", "Check rollups"
        REBUILD = "rebuild_rollups", "Rebuild rollups"
        EXPORT = "export_usage", "Prepare a file"
        FETCH = "fetch_model_lists", "Fetch model lists"
        IMPORT = "import_configuration", "Import a configuration file"

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        TO_CONFIRM = "to confirm"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"
        ABANDONED = "abandoned"

    kind = models.CharField(max_length=20, choices=Kind.choices)
    options = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    user_id = models.BigIntegerField(null=True, help_text="Who asked for it.")
    created_at = models.DateTimeField(auto_now_add=True)
    began_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True, help_text="When its process wrote last, by the database's clock.")
    ended_at = models.DateTimeField(null=True)
    is_unwanted = models.BooleanField(default=False, help_text="Somebody wants it cancelled.")
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    unit = models.CharField(max_length=20, blank=True)
    result = models.JSONField(default=list, help_text="Lines about what was found and done.")
    found = models.JSONField(null=True, help_text="What else its page shows of it.")
    host = models.CharField(max_length=120, blank=True, db_default="", help_text="The host that ran it.")
    error = models.TextField(blank=True)

    class Meta:
        default_permissions = ("view", "add")
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state="running"), name="state_job_one_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} no. {self.pk}"

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.state not in OPEN

    @property
    def is_under_way(self) -> bool:
        """Whether something happens to it by itself."""
        return self.state in (self.State.WAITING, self.State.RUNNING)

    @property
    def percent(self) -> int | None:
        """How much of it is done, None while that is unknown."""
        return None if not self.total else min(100, self.done * 100 // self.total)


OPEN = (Job.State.WAITING, Job.State.RUNNING, Job.State.TO_CONFIRM)
"""States of jobs that are not over."""


class JobFile(models.Model):
    """A file that a job was given, until the job is over. It may hold secrets, so only its encrypted text is kept."""

    job = models.OneToOneField(Job, on_delete=models.CASCADE, primary_key=True, related_name="file")
    sealed = models.TextField(help_text="Encrypted under ENCRYPTION_KEYS.")
    expires_at = models.DateTimeField(help_text="When a job that still waits is cancelled, by the database's clock.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"the file of job no. {self.pk}"

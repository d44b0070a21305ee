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

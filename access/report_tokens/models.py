"""Tokens that programs read reports with. Only the hash of a secret is stored."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinLengthValidator
from django.db import models
from django.utils import timezone

from access.validation import validate_year


class ReportToken(models.Model):
    """What a spreadsheet or a dashboard reads the report API with. It changes nothing and opens nothing else."""

    name = models.CharField(
        max_length=80, unique=True, help_text="What reads with it, such as 'Finance spreadsheet' or 'Grafana'."
    )
    team = models.ForeignKey(
        "access.Team",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="report_tokens",
        help_text="Whose usage and statements it reads; this cannot be changed later. Empty: those of all teams.",
    )
    prefix = models.CharField(max_length=16, editable=False, help_text="The first characters, to identify the token.")
    hash = models.CharField(
        max_length=64,
        unique=True,
        editable=False,
        validators=[MinLengthValidator(64)],
        help_text="SHA-256 of the token.",
    )
    enabled = models.BooleanField(default=True, help_text="Off: the token is rejected with 401.")
    expires_at = models.DateTimeField(
        null=True,
        blank=True,
        validators=[validate_year],
        help_text="From then on the token is rejected. Empty: it never expires.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False, help_text="To the minute.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

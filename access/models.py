"""Teams and client keys as rows. Deleting any of them leaves usage history untouched: history holds no references."""

from __future__ import annotations

from django.core.validators import MinLengthValidator
from django.db import models
from django.utils import timezone


class Team(models.Model):
    """People who share client keys and a line in every report."""

    name = models.CharField(max_length=80, unique=True, help_text="Shown in reports and usage rows.")
    enabled = models.BooleanField(default=True, help_text="Off: every key of the team is refused with 403.")
    notes = models.TextField(blank=True, help_text="For administrators only.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ClientKey(models.Model):
    """The token a caller presents. Only its hash is kept: the secret is shown once, when the key is made."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="keys")
    name = models.CharField(max_length=80, help_text="Who or what uses the key, such as 'Mia's laptop' or 'CI'.")
    prefix = models.CharField(max_length=16, editable=False, help_text="The first characters, to recognise the key by.")
    hash = models.CharField(
        max_length=64, unique=True, editable=False, validators=[MinLengthValidator(64)], help_text="SHA-256 of the key."
    )
    allowed_routes = models.TextField(
        blank=True,
        help_text="Route names this key may use, one a line; * stands for any characters. Empty: every route.",
    )
    tags = models.CharField(
        max_length=200, blank=True, help_text="Words that rules can look at, separated by commas, such as ci, trial."
    )
    shows_routing = models.BooleanField(
        "may see routing", default=False, help_text="On: answers say in their headers which route and model was chosen."
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text="From then on the key is refused. Empty: never.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["team__name", "name"]
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="access_clientkey_unique_name")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

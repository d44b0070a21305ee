"""Teams and client keys. Usage rows hold no references to them, so deleting one changes no history."""

from __future__ import annotations

from django.core.validators import MinLengthValidator
from django.db import models
from django.utils import timezone


class Team(models.Model):
    """People who share client keys and a line in each report."""

    name = models.CharField(max_length=80, unique=True, help_text="Shown in reports and usage rows.")
    enabled = models.BooleanField(default=True, help_text="Off: all keys of the team are rejected with 403.")
    notes = models.TextField(blank=True, help_text="For administrators only.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ClientKey(models.Model):
    """The token a caller presents. Only its hash is stored: the secret is shown once, when the key is created."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="keys")
    name = models.CharField(max_length=80, help_text="Who or what uses the key, such as 'Mia's laptop' or 'CI'.")
    prefix = models.CharField(max_length=16, editable=False, help_text="The first characters, to identify the key.")
    hash = models.CharField(
        max_length=64, unique=True, editable=False, validators=[MinLengthValidator(64)], help_text="SHA-256 of the key."
    )
    allowed_routes = models.TextField(
        blank=True,
        help_text="Route names that this key may use, one per line; * matches any characters. Empty: all routes.",
    )
    tags = models.CharField(
        max_length=200, blank=True, help_text="Tags that rules can match, separated by commas, such as ci, trial."
    )
    shows_routing = models.BooleanField(
        "may see routing", default=False, help_text="On: response headers name the chosen route and model."
    )
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="From then on the key is rejected. Empty: it never expires."
    )
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["team__name", "name"]
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="access_clientkey_unique_name")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class SignInLimit(models.Model):
    """How much of one limit on sign-ins is used up, or that an address is known for an account.

    The key is a keyed hash, so that a row names neither an account nor an address. A row whose time has passed means
    nothing. `access.sign_in.throttle` reads and writes them.
    """

    key = models.CharField(primary_key=True, max_length=64)
    until = models.FloatField(db_index=True, help_text="POSIX seconds.")

    class Meta:
        default_permissions = ()

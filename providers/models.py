"""Providers, credentials and models as rows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from providers import secrets
from providers.claude.known_models import seeded_support
from providers.credentials import headers
from providers.credentials.binding import destination_of, may_use
from providers.credentials.variables import refusal_of
from providers.dialects import choices as dialect_choices
from providers.dialects.openai_chat.profiles import choices as profile_choices
from providers.platforms import choices as platform_choices
from providers.pricing.prices import Price as Price
from providers.validation import (
    check_address,
    check_installed,
    check_platform,
    check_transforms,
    cut_base_url,
    validate_base_url,
    validate_capabilities,
    validate_client_fields,
    validate_headers,
    validate_priced_for,
    validate_supports,
    validate_transforms,
)

_name = RegexValidator(
    r"^[a-z0-9][a-z0-9._-]*$", "Use lower-case letters, digits, dots, dashes and underscores, such as openrouter."
)


def _seconds(default: float, help_text: str) -> models.FloatField[float, float]:
    return models.FloatField(default=default, validators=[MinValueValidator(0.1)], help_text=help_text)


class Provider(models.Model):
    """A company or server that answers, and how to reach it."""

    name = models.CharField(
        max_length=60,
        unique=True,
        validators=[_name],
        help_text="A short name for routes, rows and logs, such as openrouter.",
    )
    dialect = models.CharField(max_length=40, choices=dialect_choices, help_text="The wire format that it speaks.")
    profile = models.CharField(
        max_length=40,
        blank=True,
        choices=profile_choices,
        help_text="Which family of servers an OpenAI Chat Completions server belongs to.",
    )
    platform = models.CharField(
        max_length=40, blank=True, choices=platform_choices, help_text="The cloud that sells its models, if any."
    )
    options = models.JSONField(
        default=dict, blank=True, help_text='Settings of the platform, such as {"region": "eu-central-1"}.'
    )
    base_url = models.CharField(
        max_length=300,
        validators=[validate_base_url],
        help_text="Everything before the dialect's own path, such as https://openrouter.ai/api/v1. "
        "The gateway calls only this address.",
    )
    headers = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_headers],
        help_text="Extra headers for every request whose values anybody may see.",
    )
    secret_headers = models.JSONField(
        default=dict, blank=True, editable=False, help_text="Extra headers whose values are stored encrypted."
    )
    transforms = models.JSONField(
        default=list,
        blank=True,
        validators=[validate_transforms],
        help_text='Changes to each request, in this order, such as [{"name": "maxtoken", "options": {"limit": 8192}}].',
    )
    client_fields = models.JSONField(
        "fields that clients may add",
        default=list,
        blank=True,
        validators=[validate_client_fields],
        help_text="Names of fields outside Claude's API that clients may send to this provider.",
    )
    is_local = models.BooleanField(
        "local",
        default=False,
        help_text="On: the base URL may be on this machine or a private network. Off: such addresses are refused.",
    )
    connect_timeout = _seconds(10, "Seconds to establish the connection.")
    first_event_timeout = _seconds(120, "Seconds from sending the request to the first event of the answer.")
    idle_timeout = _seconds(120, "Seconds between two events of a stream; comments do not count.")
    total_timeout = _seconds(1800, "Seconds for one complete answer.")
    proxy_url = models.CharField(
        max_length=300,
        blank=True,
        validators=[validate_base_url],
        help_text="An HTTP proxy to reach the provider through. Proxy variables of the environment are not used.",
    )
    enabled = models.BooleanField(default=True, help_text="Off: none of its models is called.")
    is_demo = models.BooleanField(
        default=False, editable=False, help_text="The built-in demo upstream: canned answers at made-up prices."
    )
    notes = models.TextField(blank=True, help_text="For administrators only.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        permissions = [("use_credential", "Can send requests with a provider's credentials: Test, List models")]

    def __str__(self) -> str:
        return f"{self.name} (demo)" if self.is_demo else self.name

    def clean(self) -> None:
        """Normalises and checks the address; checks platform, dialect, options and transforms together."""
        self.base_url = cut_base_url(self.base_url, self.dialect, self.platform)
        check_address(self.base_url, local=self.is_local)
        check_installed(self.platform)
        check_platform(self.platform, self.dialect, self.options, self.base_url)
        check_transforms(self.transforms, self.dialect)

    def save(self, *args: Any, **options: Any) -> None:
        """Encrypts secret headers that an upgrade had to leave in plain text."""
        if settings.ENCRYPTION_KEYS:
            self.secret_headers = {
                name: headers.sealed(stored["plain"], stored["bound_to"]) if stored.get("plain") else stored
                for name, stored in self.secret_headers.items()
            }
        super().save(*args, **options)


class DroppedField(models.Model):
    """A field that clients sent to a provider lately and that was left out, for the provider's page to show.

    No configuration: every worker adds what it counted, and the oldest are deleted.
    """

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="dropped_fields")
    name = models.CharField(max_length=129)
    times = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        ordering = ["-last_at", "name"]
        constraints = [models.UniqueConstraint(fields=["provider", "name"], name="providers_droppedfield_unique_name")]

    def __str__(self) -> str:
        return f"{self.provider.name}: {self.name}"


class Credential(models.Model):
    """A provider's secret: encrypted here, or the name of an environment variable that holds it."""

    class Source(models.TextChoices):
        """Where the secret is stored."""

        STORED = "stored", "stored here, encrypted"
        ENVIRONMENT = "environment", "an environment variable"

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="credentials")
    name = models.CharField(max_length=60, default="default", help_text="To tell several apart.")
    source = models.CharField(max_length=12, choices=Source.choices, default=Source.STORED)
    variable = models.CharField(
        max_length=80,
        blank=True,
        validators=[
            RegexValidator(
                r"^[A-Za-z_][A-Za-z0-9_]*$", "This is not a valid variable name. Enter one such as OPENROUTER_API_KEY."
            )
        ],
        help_text="The variable's name, such as OPENROUTER_API_KEY. Every worker needs it.",
    )
    ciphertext = models.TextField(blank=True, editable=False)
    bound_to = models.TextField(blank=True, editable=False, help_text="Where it may be sent: see credentials.binding.")
    kept_variable = models.CharField(
        max_length=80, blank=True, editable=False, help_text="The variable's name before names were limited."
    )
    last_four = models.CharField(max_length=4, blank=True, editable=False)
    position = models.PositiveSmallIntegerField(
        default=0, help_text="The lowest is used first, the next while that one is unavailable."
    )
    weight = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1)],
        help_text="Its share of the sessions among credentials of the same position.",
    )
    requests_per_minute = models.PositiveIntegerField(
        default=0, help_text="Maximum of requests per minute in each worker process. 0: no limit."
    )
    tokens_per_minute = models.PositiveIntegerField(
        default=0, help_text="Maximum of tokens per minute in each worker process. 0: no limit."
    )
    concurrent = models.PositiveIntegerField(
        "at the same time", default=0, help_text="Maximum of requests in flight in each worker process. 0: no limit."
    )
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    binds = False
    """Set while a secret was entered or confirmed and is not saved yet."""

    class Meta:
        ordering = ["provider__name", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["provider", "name"], name="providers_credential_unique_name")]
        permissions = [("name_variable", "Can name environment variables as credentials and confirm their address")]

    def __str__(self) -> str:
        return f"{self.provider.name}: {self.name}"

    def clean(self) -> None:
        """Refuses a variable that may not be read."""
        if self.source == self.Source.ENVIRONMENT and self.variable and not may_use(self):
            raise ValidationError({"variable": refusal_of(self.variable)})

    def save(self, *args: Any, **options: Any) -> None:
        """Binds a new credential, and one whose secret was entered or confirmed, to the provider's address."""
        if self.binds or (self._state.adding and not self.bound_to):
            # Not self.provider: that object may be older than the row.
            self.bound_to = destination_of(Provider.objects.get(pk=self.provider_id))
            self.binds = False
        super().save(*args, **options)

    def set_secret(self, plain: str) -> None:
        """Encrypts `plain` into this row (unsaved), and stores its last four characters to recognise it."""
        self.ciphertext = secrets.encrypt(plain)
        self.binds = True
        self.last_four = plain[-4:] if len(plain) >= 12 else ""


class Model(models.Model):
    """One upstream model at one provider."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="models")
    name = models.CharField(max_length=160, help_text="The provider's own name for it, sent exactly as entered.")
    context_window = models.PositiveIntegerField(null=True, blank=True, help_text="Tokens in and out together.")
    max_output = models.PositiveIntegerField(
        null=True, blank=True, help_text="Maximum of tokens in one answer; a higher max_tokens is lowered to it."
    )
    capabilities = models.JSONField(
        default=list, blank=True, validators=[validate_capabilities], help_text="What the model can do."
    )
    transforms = models.JSONField(
        default=list,
        blank=True,
        validators=[validate_transforms],
        help_text="Changes to each request after the provider's own, in this order.",
    )
    supports = models.JSONField(
        null=True,
        blank=True,
        validators=[validate_supports],
        help_text="What a Claude model takes in a request, filled in for known names; {} limits nothing.",
    )
    priced_for = models.JSONField(
        "prices hold for",
        default=list,
        blank=True,
        validators=[validate_priced_for],
        help_text="What else of Claude's API clients may ask of this model, because its prices hold for that as well.",
    )
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["provider__name", "name"]
        constraints = [models.UniqueConstraint(fields=["provider", "name"], name="providers_model_unique_name")]

    def __str__(self) -> str:
        return f"{self.provider}: {self.name}"

    def save(self, *args: Any, **options: Any) -> None:
        """Fills in what a known Claude model takes where the row says nothing about it."""
        if self.supports is None:
            self.supports = seeded_support(self.name)
        super().save(*args, **options)

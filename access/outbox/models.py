"""Alerts, the messages about them, the webhooks that get them, and the lease of the one worker that sends."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from access.validation import validate_alert_kinds, validate_webhook_url


class Kind(models.TextChoices):
    """What an alert is about; the value is the `type` of a webhook's body."""

    BUDGET = "budget", "a budget passed a threshold"
    INCREASE = "increase", "a request for more of a budget"
    KEY_EXPIRES = "key_expires", "a client key expires soon"
    CIRCUIT = "circuit", "a provider is not called after failures"
    JOURNAL = "journal", "usage rows wait in a worker's journal"
    SNAPSHOT = "snapshot", "the saved configuration cannot be loaded"
    DEAD_WORKER = "dead_worker", "money that a dead worker has drawn"


class Webhook(models.Model):
    """An address of another program that gets alerts as signed JSON."""

    name = models.CharField(max_length=60, unique=True, help_text="A short name for lists, such as pager.")
    url = models.CharField(
        "address",
        max_length=300,
        validators=[validate_webhook_url],
        help_text="Gets a POST for each alert, such as https://example.com/alerts. Shown to whoever may see webhooks.",
    )
    ciphertext = models.TextField(blank=True, editable=False)
    kinds = models.CharField(
        max_length=200,
        blank=True,
        validators=[validate_alert_kinds],
        help_text="Which alerts it gets, separated by commas. Empty: all.",
    )
    is_local = models.BooleanField(
        "local",
        default=False,
        help_text="On: the address may be on this machine or a private network. Off: such addresses are refused.",
    )
    enabled = models.BooleanField(default=True, help_text="Off: it gets nothing.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Alert(models.Model):
    """Something that people should know, from when it began until it ended. There is one row for each `once`, which
    says what it is about; when that begins again, the row has another episode."""

    once = models.CharField(max_length=160, unique=True)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    level = models.PositiveSmallIntegerField(default=1, help_text="How bad it is: the threshold that was passed.")
    episode = models.PositiveIntegerField(default=1)
    whose = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="The person whose key or budget it is about.",
    )
    for_site = models.BooleanField(default=False, help_text="It is about the gateway itself.")
    subject = models.CharField(max_length=200)
    text = models.TextField()
    began_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now, help_text="When it was last found to hold.")
    ended_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        default_permissions = ("view",)
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.subject


class Queued(models.Model):
    """Something to send: when it is tried, who sends it now, and how that went. access.outbox.queue hands it out."""

    created_at = models.DateTimeField(default=timezone.now)
    next_try_at = models.DateTimeField(null=True, db_index=True, help_text="Empty: there is nothing to send.")
    lease_until = models.DateTimeField(null=True, help_text="Until then whoever has it sends it.")
    leased_by = models.CharField(max_length=40, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    again_at = models.DateTimeField(null=True, help_text="When somebody had it sent again.")
    sent_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True, db_index=True, help_text="When it was given up.")
    error = models.CharField(max_length=200, blank=True, help_text="Why the last try failed.")

    class Meta:
        abstract = True


class OutboxMessage(Queued):
    """An alert for one person or one webhook. `once` is unique, so that it goes out once for each episode and level."""

    class Channel(models.TextChoices):
        MAIL = "mail", "e-mail"
        WEBHOOK = "webhook", "webhook"
        PAGE = "page", "pages alone"

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="messages")
    once = models.CharField(max_length=200, unique=True)
    channel = models.CharField(max_length=8, choices=Channel.choices)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    webhook = models.ForeignKey(Webhook, null=True, on_delete=models.CASCADE, related_name="messages")
    subject = models.CharField(max_length=200)
    text = models.TextField(help_text="A mail's text, or a webhook's body.")

    class Meta:
        default_permissions = ("view", "change")
        ordering = ["-id"]
        verbose_name = "alert message"

    def __str__(self) -> str:
        return self.subject


class Lease(models.Model):
    """Which worker does what one alone may do, and until when it has it."""

    name = models.CharField(primary_key=True, max_length=40)
    holder = models.CharField(max_length=40)
    until = models.DateTimeField()

    class Meta:
        default_permissions = ()

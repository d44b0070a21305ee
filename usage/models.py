"""Usage rows. They hold ids, the names of that time and no foreign keys: history survives every deletion.

Column names follow OpenTelemetry's GenAI conventions where those have a word
(https://opentelemetry.io/docs/specs/semconv/gen-ai/). NULL means unknown; unknown is never stored as 0.
Rows are written by usage.journal.writer and by nothing else. A new column that may not be NULL has a default of the
database's own, so that workers of the version before can still insert.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from usage.budgets.models import BudgetBlock, BudgetMark, BudgetWindow  # noqa: F401
from usage.invoices.models import (  # noqa: F401
    InvoiceDraft,
    InvoiceMapping,
    Reconciliation,
    ReconciliationLine,
)
from usage.money import DollarsField
from usage.reports.explore.models import SavedView  # noqa: F401
from usage.rollups.models import (  # noqa: F401
    AttemptRollup,
    ClientRollup,
    DailyRollup,
    MonthRollup,
    RollupMonth,
    RollupZone,
    SessionSummary,
    SumColumns,
    TagRollup,
    UsageRollup,
)
from usage.statements.models import (  # noqa: F401
    ExchangeRate,
    Statement,
    StatementLine,
    StatementMail,
    StatementSchedule,
)


class Outcome(models.TextChoices):
    """How a request or an attempt ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    REFUSED = "refused"
    CLIENT_CLOSED = "client_closed"
    INTERRUPTED = "interrupted"


class _Measured(SumColumns):
    """What a request and an attempt have in common."""

    id = models.UUIDField(primary_key=True, editable=False, help_text="UUIDv7: sorts by time.")
    started_at = models.DateTimeField()
    outcome = models.CharField(max_length=14, choices=Outcome.choices)
    provider_id = models.BigIntegerField(null=True)
    provider_name = models.CharField("provider", max_length=60, blank=True)
    model_id = models.BigIntegerField(null=True)
    model_name = models.CharField("model", max_length=160, blank=True)
    http_status = models.PositiveSmallIntegerField("status", null=True)
    error_type = models.CharField("error", max_length=40, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.CharField(
        "why", max_length=500, null=True, blank=True, help_text="Why it failed, in the gateway's own words."
    )
    sentence_code = models.CharField(
        max_length=64, blank=True, db_default="", help_text="The code of the gateway's own sentence about the failure."
    )
    provider_message = models.CharField(
        "provider's words",
        max_length=200,
        null=True,
        blank=True,
        help_text="The first line of the provider's error, without quotations and keys; with STORE_PROVIDER_ERRORS.",
    )
    stop_reason = models.CharField(max_length=40, blank=True)
    fidelity = models.JSONField(null=True, help_text="Codes of what the translation dropped, changed or emulated.")
    estimated = models.BooleanField(default=False, help_text="Tokens were estimated here: the provider reported none.")
    price_id = models.BigIntegerField("price", null=True, help_text="The prices that the cost was computed from.")
    repriced_cost = DollarsField(
        "cost when last re-priced (USD)", null=True, help_text="Written by reprice_usage, beside the cost."
    )
    time_to_first_token_ms = models.PositiveIntegerField("first token (ms)", null=True)
    duration_ms = models.PositiveIntegerField("duration (ms)", null=True)

    class Meta:
        abstract = True


class RequestLog(_Measured):
    """One POST /v1/messages that passed authentication."""

    team_id = models.BigIntegerField(null=True)
    team_name = models.CharField("team", max_length=80, blank=True)
    owner_id = models.BigIntegerField(null=True)
    owner_name = models.CharField(
        "owner", max_length=150, blank=True, db_default="", help_text="Whose key it was, at that time."
    )
    key_id = models.BigIntegerField(null=True)
    key_name = models.CharField("key", max_length=80, blank=True)
    key_prefix = models.CharField(max_length=16, blank=True)
    tags_id = models.UUIDField(null=True, help_text="Digest of the tags.")
    tags = models.JSONField(
        null=True, help_text="The key's tags, sorted, and those that the client named, each marked as 'claimed:'."
    )
    route_id = models.BigIntegerField(null=True)
    route_name = models.CharField("route", max_length=160, blank=True)
    request_model = models.CharField("requested model", max_length=200, blank=True)
    request_id = models.CharField(max_length=40)
    """Its id with a prefix. It has no index: look rows up by usage.journal.account.identity_of."""
    session_id = models.CharField(max_length=80, blank=True)
    agent_id = models.CharField(max_length=80, blank=True)
    agent_type = models.CharField(max_length=80, blank=True, db_default="")
    request_class = models.CharField(max_length=40, blank=True, db_default="")
    client = models.CharField(max_length=80, blank=True, help_text="The caller's user agent.")
    client_name = models.CharField(max_length=40, blank=True, db_default="")
    client_version = models.CharField(max_length=40, blank=True, db_default="")
    end_user = models.CharField(
        max_length=80,
        blank=True,
        db_default="",
        help_text="The client's metadata.user_id, where it is not Claude Code's.",
    )
    streamed = models.BooleanField(default=False)
    phase = models.CharField(max_length=40, blank=True, help_text="The routing phase that chose the route.")
    rule = models.CharField(max_length=160, blank=True, help_text="What matched in that phase.")
    decision = models.JSONField(null=True, help_text="Reasons and dropped candidates.")
    routing_revision = models.BigIntegerField(null=True, help_text="The routing configuration that decided.")
    access_revision = models.BigIntegerField(null=True, help_text="The teams and keys that decided.")
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = "request"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["started_at"], name="usage_request_started"),
            models.Index(fields=["team_id", "started_at"], name="usage_request_team"),
            models.Index(fields=["key_id", "started_at"], name="usage_request_key"),
            models.Index(fields=["session_id"], name="usage_request_session"),
        ]

    def __str__(self) -> str:
        return self.request_id


class AttemptLog(_Measured):
    """One call of one candidate."""

    request_log_id = models.UUIDField("request", db_index=True)
    number = models.PositiveSmallIntegerField(help_text="1 is the first attempt.")
    dialect = models.CharField(max_length=40, blank=True)
    credential_id = models.BigIntegerField(null=True)
    credential_name = models.CharField("credential", max_length=60, blank=True)
    upstream_request_id = models.CharField(max_length=120, blank=True)
    reported_model = models.CharField(
        max_length=160, blank=True, db_default="", help_text="The model that the provider named."
    )
    service_tier = models.CharField(
        max_length=40, blank=True, db_default="", help_text="The tier that the provider named."
    )
    time_to_connect_ms = models.PositiveIntegerField(
        "connected (ms)", null=True, help_text="Until a connection was there to send on, preparations included."
    )
    time_to_headers_ms = models.PositiveIntegerField(
        "headers (ms)", null=True, help_text="Until the head of the provider's answer."
    )
    dropped = models.JSONField(
        null=True, help_text="The names of the fields that codes of the fidelity are about; no values."
    )
    region = models.CharField(max_length=60, blank=True, db_default="", help_text="Where the provider says it ran.")

    class Meta:
        verbose_name = "attempt"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.request_log_id}"


class SetAside(models.Model):
    """A finished request that the database rejected, with its error, for an administrator to look at."""

    request_id = models.CharField(max_length=40, db_index=True)
    cause = models.TextField(help_text="The error of the database.")
    payload = models.JSONField(help_text="The columns of the request and its attempts.")
    counted = models.JSONField(
        null=True,
        editable=False,
        help_text="The pico-dollars that each window of a budget counts of it, by the window's id.",
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "row set aside"
        verbose_name_plural = "rows set aside"
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.request_id

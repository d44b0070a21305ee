"""Statements with their lines and mails, when they are closed, and the rate of a second currency.

No row refers to a team: statements survive its deletion. Statements and lines are written once, by
usage.statements.closing; triggers refuse to change or delete them (usage.statements.triggers).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from access.outbox.models import Queued
from usage.money import DollarsField


class Statement(models.Model):
    """What one team used in one month of its time zone, and what changed in earlier months since they were closed.

    `hash` covers all that it says, its lines and the hash of the statement before: none can be changed, left out or put
    between others without a trace.
    """

    number = models.PositiveBigIntegerField(primary_key=True, help_text="Without gaps, in the order of closing.")
    team_id = models.BigIntegerField()
    team_name = models.CharField("team", max_length=80)
    cost_centre = models.CharField(max_length=80, blank=True)
    month = models.DateField(help_text="The first day of the month.")
    zone = models.CharField("time zone", max_length=64, help_text="Whose month it is.")
    starts_at = models.DateTimeField(help_text="Requests count that began from then on: where the month before ended.")
    ends_at = models.DateTimeField(help_text="Requests count that began before.")
    closed_at = models.DateTimeField()
    closed_by = models.BigIntegerField(null=True, help_text="The user's id. NULL: closed by a program.")
    line_count = models.PositiveIntegerField()
    total = DollarsField(help_text="The sum of its lines in US dollars.")
    currency = models.CharField(max_length=3, blank=True, help_text="The second currency. Empty: none.")
    rate = DollarsField(null=True, help_text="Units of the second currency for a US dollar.")
    previous = models.CharField(max_length=64, help_text="The hash of the statement before.")
    hash = models.CharField(max_length=64)

    class Meta:
        default_permissions = ("view", "add")
        constraints = [models.UniqueConstraint(fields=["team_id", "month"], name="usage_statement_once")]
        indexes = [models.Index(fields=["month"], name="usage_statement_month")]

    @property
    def converted(self) -> Decimal | None:
        """The total in the second currency, to the cent; None without one."""
        return None if self.rate is None else (self.total * self.rate).quantize(Decimal("0.01"))

    @property
    def shown_rate(self) -> str:
        """The rate without zeros at its end."""
        return "" if self.rate is None else f"{self.rate.normalize():f}"

    def __str__(self) -> str:
        return f"No. {self.number}: {self.team_name}, {self.month:%Y-%m}"


class StatementLine(models.Model):
    """Usage of one model in one month: of the statement's own month, or the difference to what was billed for it.

    A sum is NULL where no request knew it.
    """

    class Kind(models.TextChoices):
        USAGE = "usage"
        LATE = "late", "late usage"
        CORRECTION = "correction"

    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    month = models.DateField(help_text="The first day of the month that it is about.")
    provider_name = models.CharField("provider", max_length=60, blank=True)
    model_name = models.CharField("model", max_length=160, blank=True)
    requests = models.BigIntegerField()
    unknown_cost = models.BigIntegerField("without a price")
    input_tokens = models.BigIntegerField("input", null=True)
    cache_read_tokens = models.BigIntegerField("cache read", null=True)
    cache_write_tokens = models.BigIntegerField("cache write", null=True)
    output_tokens = models.BigIntegerField("output", null=True)
    cost: Any = DollarsField("cost (USD)", null=True)

    class Meta:
        default_permissions = ()
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["statement", "position"], name="usage_statementline_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.model_name or 'no model'}, {self.month:%Y-%m}"


class ExchangeRate(models.Model):
    """The second currency of a month's statements."""

    month = models.DateField(primary_key=True, help_text="The first day of the month.")
    currency = models.CharField(
        max_length=3,
        validators=[RegexValidator(r"\A[A-Z]{3}\Z", "Write the currency's three letters, such as EUR.")],
        help_text="Three letters, such as EUR.",
    )
    rate = DollarsField(help_text="Units of it for a US dollar, such as 0.92.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.currency} in {self.month:%Y-%m}"


class StatementSchedule(models.Model):
    """When the gateway closes months by itself, and whom it mails statements to. There is one row, the first."""

    day = models.PositiveSmallIntegerField(
        "closing day",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(28)],
        help_text="1 to 28, in each team's time zone. Empty: somebody closes months.",
    )
    mails = models.BooleanField(
        "mail statements",
        default=False,
        help_text="To the team's contact, or its leads where that is no address.",
    )
    recipients = models.CharField(
        "also to",
        max_length=500,
        blank=True,
        help_text="More addresses for the statements of all teams, separated by commas.",
    )
    mails_since = models.DateTimeField(null=True, editable=False, help_text="Statements that are closed later go out.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return "never" if self.day is None else f"on day {self.day}"


class StatementMail(Queued):
    """A statement for one address: that of a person, which is looked up when it is sent, or one that is written here.
    Without either nobody had an address."""

    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="mails")
    once = models.CharField(max_length=300, unique=True, help_text="Whom it is for; no schedule sends it twice.")
    person_id = models.BigIntegerField(null=True, help_text="The lead who gets it.")
    address = models.CharField(max_length=254, blank=True)
    sent_by = models.BigIntegerField(null=True, help_text="The user who had it sent. NULL: the schedule.")

    class Meta:
        default_permissions = ()
        ordering = ["-id"]
        verbose_name = "mail with a statement"

    def __str__(self) -> str:
        return f"Statement {self.statement_id} for {self.address or 'a lead'}"

"""What invoices are read by, and the results of comparing them. They hold ids and names, and no foreign keys to what
may be deleted: results survive their provider."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from django.db import models
from django.utils import timezone

from usage.invoices.values import DAYS, DECIMALS
from usage.money import DollarsField


class Cause(models.TextChoices):
    """The likely cause of a difference."""

    NONE = "none", "No difference"
    ROUNDING = "rounding"
    UNPRICED = "unpriced"
    ESTIMATED = "estimated"
    INTERRUPTED = "interrupted"
    HEDGED = "hedged"
    PRICE = "price", "Price differs"
    TRAFFIC = "traffic", "More on the invoice"
    UNKNOWN_MODEL = "unknown_model", "Model unknown here"
    ONLY_INVOICE = "only_invoice", "Only on the invoice"
    ONLY_OURS = "only_ours", "Only here"
    UNEXPLAINED = "unexplained"


WITHOUT_DIFFERENCE: Final = (Cause.NONE, Cause.ROUNDING)


class InvoiceMapping(models.Model):
    """How the invoices of one provider are read, as it was chosen last."""

    provider_id = models.BigIntegerField(primary_key=True)
    provider_name = models.CharField("provider", max_length=60)
    columns = models.JSONField(default=dict, help_text="The name of each column that counts, with its meaning.")
    days = models.CharField(max_length=20, choices=list(DAYS.items()), default="iso")
    decimal = models.CharField(max_length=1, choices=list(DECIMALS.items()), default=".")
    delimiter = models.CharField(max_length=1, default=",")
    only_column = models.CharField(max_length=220, blank=True, help_text="Lines count where this column ...")
    only_text = models.CharField(max_length=100, blank=True, help_text="... contains this text.")
    rate = DollarsField(null=True, help_text="US dollars for a unit of the invoice's currency.")
    aliases = models.JSONField(default=dict, help_text="The names of models on the invoice, with those here.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"invoices of {self.provider_name}"


class InvoiceDraft(models.Model):
    """A file that a user has chosen and not compared yet, or wants to compare anew: one a user, for a day."""

    user_id = models.BigIntegerField(primary_key=True)
    provider_id = models.BigIntegerField()
    provider_name = models.CharField(max_length=60)
    file_name = models.CharField(max_length=200)
    file_hash = models.CharField(max_length=64)
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.file_name


class Reconciliation(models.Model):
    """An invoice of a provider that was compared with our attempts."""

    provider_id = models.BigIntegerField()
    provider_name = models.CharField("provider", max_length=60)
    first_day = models.DateField()
    last_day = models.DateField()
    file_name = models.CharField(max_length=200)
    file_hash = models.CharField(max_length=64, help_text="SHA-256 of the file.")
    file_lines = models.PositiveIntegerField(help_text="Lines that counted.")
    skipped_lines = models.PositiveIntegerField(help_text="Lines without a day, such as totals.")
    left_out_lines = models.PositiveIntegerField(help_text="Lines that the filter left out.")
    currency = models.CharField(max_length=10, blank=True)
    rate = DollarsField(null=True, help_text="US dollars for a unit of the currency.")
    by_model = models.BooleanField(help_text="Whether the invoice names models.")
    invoice_cost = DollarsField(null=True, help_text="In US dollars; NULL: the invoice has no costs.")
    our_cost = DollarsField()
    line_count = models.PositiveIntegerField()
    differences = models.PositiveIntegerField(help_text="Lines with a difference of a cent or more.")
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.BigIntegerField(null=True, help_text="The user's id.")

    class Meta:
        default_permissions = ("view", "add", "delete")
        indexes = [models.Index(fields=["first_day"], name="usage_reconciliation_first")]

    @property
    def difference(self) -> Decimal | None:
        """Invoice minus ours in US dollars; None for an invoice without costs."""
        billed: Any = self.invoice_cost
        return None if billed is None else billed - self.our_cost

    def __str__(self) -> str:
        return f"{self.provider_name}, {self.first_day} to {self.last_day}"


class ReconciliationLine(models.Model):
    """One day of UTC and one model. What a side does not know is NULL."""

    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    day = models.DateField()
    model_name = models.CharField("model", max_length=160, blank=True)
    on_invoice = models.CharField(max_length=300, blank=True, help_text="The model's names on the invoice, if others.")
    is_pruned = models.BooleanField(help_text="Our rows are gone: the figures are those of the attempts by day.")
    invoice_requests = models.BigIntegerField(null=True)
    invoice_input = models.BigIntegerField(null=True)
    invoice_cache_read = models.BigIntegerField(null=True)
    invoice_cache_write = models.BigIntegerField(null=True)
    invoice_output = models.BigIntegerField(null=True)
    invoice_cost = DollarsField(null=True)
    our_requests = models.BigIntegerField(null=True, help_text="Attempts.")
    our_input = models.BigIntegerField(null=True)
    our_cache_read = models.BigIntegerField(null=True)
    our_cache_write = models.BigIntegerField(null=True)
    our_output = models.BigIntegerField(null=True)
    our_cost = DollarsField(null=True)
    difference = DollarsField(null=True, help_text="Invoice minus ours in US dollars.")
    token_difference = models.BigIntegerField(null=True, help_text="Invoice minus ours, of tokens that it has.")
    cause = models.CharField(max_length=16, choices=Cause)
    explanation = models.CharField(max_length=1000, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["reconciliation", "position"], name="usage_reconciliationline_once")
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.model_name}"

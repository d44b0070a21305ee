"""Prices of models, each valid for a span of time; the spans of one model do not overlap, so a moment has one price.

A price begins and ends by itself: all spans are loaded, and a request uses the one in force at its start.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from usage.cost import Prices
from usage.money import DollarsField, PerMillionField, per_token, to_pico

TOKEN_KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
"""The fields that hold US dollars per million tokens."""
USE_KINDS = ("per_request", "per_web_search")
"""The fields that hold US dollars per use."""


def _per_million(what: str) -> PerMillionField:
    return PerMillionField(null=True, blank=True, help_text=f"US dollars per million {what}.")


class PriceQuerySet(models.QuerySet["Price"]):
    """Prices by time."""

    def in_force(self, moment: datetime) -> PriceQuerySet:
        """Filters the prices in force at `moment`: at most one per model."""
        begun = Q(valid_from__isnull=True) | Q(valid_from__lte=moment)
        return self.filter(begun, Q(valid_until__isnull=True) | Q(valid_until__gt=moment))


class Price(models.Model):
    """What a model costs for a span of time. NULL is unknown, 0 is free."""

    model = models.ForeignKey("providers.Model", on_delete=models.CASCADE, related_name="prices")
    valid_from = models.DateTimeField(
        null=True, blank=True, help_text="When these prices begin; may be in the future. Empty: no beginning."
    )
    valid_until = models.DateTimeField(null=True, blank=True, help_text="When these prices end. Empty: no end.")
    input = _per_million("input tokens")
    output = _per_million("output tokens")
    cache_read = _per_million("tokens read from cache; empty: the price of input")
    cache_write_5m = _per_million("tokens written to cache for minutes; empty: the price of input")
    cache_write_1h = _per_million("tokens written to cache for an hour; empty: the price of those for minutes")
    per_request = DollarsField(null=True, blank=True, help_text="US dollars per answer, in addition to its tokens.")
    per_web_search = DollarsField(
        null=True, blank=True, help_text="US dollars for each web search that the provider runs (a server tool)."
    )

    objects = PriceQuerySet.as_manager()

    class Meta:
        ordering = [F("valid_from").desc(nulls_last=True), "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_until__gt=F("valid_from")) | Q(valid_from=None) | Q(valid_until=None),
                name="providers_price_ends_after_its_start",
                violation_error_message="These prices end before they begin.",
            )
        ]

    def __str__(self) -> str:
        return f"prices {span(self.valid_from, self.valid_until)}"

    def clean(self) -> None:
        """Refuses a span that ends before it begins."""
        if self.valid_from and self.valid_until and self.valid_until <= self.valid_from:
            raise ValidationError({"valid_until": "These prices end before they begin."})

    def validate_unique(self, exclude: Any = None) -> None:
        """Refuses a span that overlaps another of the same model, with the error at `valid_from`."""
        super().validate_unique(exclude)
        if self.model_id is not None:
            others = Price.objects.filter(model_id=self.model_id).exclude(pk=self.pk)
            refuse_overlap(self, list(others))

    def amounts(self) -> dict[str, Decimal | None]:
        """Returns the price of each kind in US dollars, by field."""
        return {kind: getattr(self, kind) for kind in (*TOKEN_KINDS, *USE_KINDS)}


def refuse_overlap(price: Price, others: list[Price]) -> None:
    """Raises ValidationError for `valid_from` if `price` and one of `others` overlap."""
    for other in others:
        starts_in_time = other.valid_until is None or price.valid_from is None or price.valid_from < other.valid_until
        ends_in_time = price.valid_until is None or other.valid_from is None or other.valid_from < price.valid_until
        if starts_in_time and ends_in_time:
            raise ValidationError(
                {
                    "valid_from": f"This overlaps the prices {span(other.valid_from, other.valid_until)}: "
                    "end the earlier prices when these begin."
                }
            )


def span(start: datetime | None, end: datetime | None) -> str:
    """Returns a span of time in words, in UTC."""
    if start is None and end is None:
        return "without dates"
    return " ".join(f"{word} {moment:%Y-%m-%d %H:%M}" for word, moment in (("from", start), ("until", end)) if moment)


def schedules() -> dict[int, tuple[Prices, ...]]:
    """Returns all prices by model id, the latest beginning first, for usage.cost.in_force."""
    found: dict[int, list[Prices]] = defaultdict(list)
    for row in Price.objects.all():
        found[row.model_id].append(_prices(row))
    return {model: tuple(prices) for model, prices in found.items()}


def _prices(row: Price) -> Prices:
    return Prices(
        input=_pico(row.input),
        output=_pico(row.output),
        cache_read=_pico(row.cache_read),
        cache_write=_pico(row.cache_write_5m),
        cache_write_1h=_pico(row.cache_write_1h),
        per_request=None if row.per_request is None else to_pico(row.per_request),
        per_web_search=None if row.per_web_search is None else to_pico(row.per_web_search),
        id=row.pk,
        valid_from=_posix(row.valid_from),
        valid_until=_posix(row.valid_until),
    )


def _pico(dollars_per_million: Any) -> int | None:
    return None if dollars_per_million is None else per_token(dollars_per_million)


def _posix(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()

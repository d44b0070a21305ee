"""Prices of models, each valid for a span of time; the spans of one model do not overlap, so a moment has one price.

A price begins and ends by itself: all spans are loaded, and a request uses the one in force at its start. One that has
begun stays as it is: a usage row names the price of its cost, and must find the amounts there that it was computed
from. A correction ends it and begins another. `Price` sees to it for whoever saves or deletes one, and
`providers.pricing.triggers` refuses other changes.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from access.validation import validate_year
from usage.cost import Prices
from usage.money import DollarsField, PerMillionField, per_token, to_pico

TOKEN_KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
"""The fields that hold US dollars per million tokens."""
USE_KINDS = ("per_request", "per_web_search")
"""The fields that hold US dollars per use."""
JUST_NOW = timedelta(hours=1)
"""An end this long ago at most is meant to be now: somebody typed it a moment ago."""
_ENDED = "These prices have ended, and requests were charged at them: they stay as they are. Add others that begin now."
_BEGUN = (
    "These prices have begun: their start stays. To change what is charged, change the amounts, or add other prices."
)
_ENDS_IN_THE_PAST = (
    "Requests since then were charged at these prices. Enter a moment from now on; deleting ends them now."
)
_ENDS_AT_ONCE = "Other amounts begin now: enter a later end, or leave the amounts as they are to end these prices."


def _per_million(what: str) -> PerMillionField:
    return PerMillionField(null=True, blank=True, help_text=f"US dollars per million {what}.")


def _begun(moment: datetime) -> Q:
    """The condition of prices that requests may have been charged at by `moment`."""
    return Q(valid_from__isnull=True) | Q(valid_from__lte=moment)


class PriceQuerySet(models.QuerySet["Price"]):
    """Prices by time."""

    def in_force(self, moment: datetime) -> PriceQuerySet:
        """Filters the prices in force at `moment`: at most one per model."""
        return self.filter(_begun(moment), Q(valid_until__isnull=True) | Q(valid_until__gt=moment))

    def end(self, moment: datetime) -> None:
        """Ends the prices that are in force at `moment`."""
        self.in_force(moment).update(valid_until=moment)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Deletes those that have not begun, and ends the others."""
        now = timezone.now()
        self.end(now)
        return super(PriceQuerySet, self.exclude(_begun(now))).delete()

    # As of Django's own: a manager, which is all rows, deletes nothing.
    delete.queryset_only = True  # type: ignore[attr-defined]


def with_model(collector: Any, field: Any, prices: Any, using: str) -> None:
    """What deleting a model does to its prices (`on_delete`): those that have begun stay, without it."""
    # The collector passes a queryset, or a list where it has fetched them.
    ids = [price.pk for price in prices]
    rows = field.model._base_manager.using(using).filter(pk__in=ids)
    begun = _begun(timezone.now())
    models.SET_NULL(collector, field, rows.filter(begun), using)
    models.CASCADE(collector, field, rows.exclude(begun), using)


with_model.lazy_sub_objs = True  # type: ignore[attr-defined]


class Price(models.Model):
    """What a model costs for a span of time. NULL is unknown, 0 is free.

    Prices that have begun stay as they are. Saving other amounts ends them and saves a successor from now on, of which
    this object then is the row; `ended` is the id of the one before. Deleting them ends them. Without a model they are
    those of one that was deleted.
    """

    class Source(models.TextChoices):
        """Where the amounts are from. Rows of earlier versions do not know it."""

        HAND = "hand", "typed by hand"
        LIBRARY = "library", "price library"
        PROVIDER = "provider", "provider's list"
        FILE = "file", "imported file"
        PRESET = "preset", "came with the gateway"

    model = models.ForeignKey("providers.Model", null=True, on_delete=with_model, related_name="prices")
    valid_from = models.DateTimeField(
        null=True,
        blank=True,
        validators=[validate_year],
        help_text="When these prices begin; may be in the future. Empty: no beginning.",
    )
    valid_until = models.DateTimeField(
        null=True, blank=True, validators=[validate_year], help_text="When these prices end. Empty: no end."
    )
    input = _per_million("input tokens")
    output = _per_million("output tokens")
    cache_read = _per_million("tokens read from cache; empty: the price of input")
    cache_write_5m = _per_million("tokens written to cache for minutes; empty: the price of input")
    cache_write_1h = _per_million("tokens written to cache for an hour; empty: the price of those for minutes")
    per_request = DollarsField(null=True, blank=True, help_text="US dollars per answer, in addition to its tokens.")
    per_web_search = DollarsField(
        null=True, blank=True, help_text="US dollars for each web search that the provider runs (a server tool)."
    )

    # Older workers write neither while a gateway is being upgraded.
    source = models.CharField(
        max_length=8, blank=True, choices=Source.choices, default=Source.HAND, db_default="", editable=False
    )
    set_at = models.DateTimeField(null=True, default=timezone.now, editable=False)

    objects = PriceQuerySet.as_manager()

    ended: int | None = None

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
        stored = self._begun()
        if stored is not None:
            self._refuse_history(stored, timezone.now())

    def save(self, *args: Any, **options: Any) -> None:
        """Ends prices that have begun where the amounts differ, and saves these as the ones from now on."""
        stored = self._begun()
        if stored is None or stored.amounts() == self.amounts():
            super().save(*args, **options)
            return
        now = timezone.now()
        self._refuse_history(stored, now)
        with transaction.atomic(using=self._state.db):
            Price.objects.using(self._state.db).filter(pk=stored.pk).update(valid_until=now)
            self.pk, self._state.adding, self.valid_from, self.set_at = None, True, now, now
            super().save(using=self._state.db)
        self.ended = stored.pk

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        """Ends prices that have begun; deletes others."""
        if self._begun() is None:
            return super().delete(*args, **options)
        return Price.objects.filter(pk=self.pk).delete()

    def _begun(self) -> Price | None:
        """The row of these prices as it is stored, if it has begun."""
        if self._state.adding or self.pk is None:
            return None
        return Price.objects.using(self._state.db).filter(_begun(timezone.now()), pk=self.pk).first()

    def _refuse_history(self, stored: Price, now: datetime) -> None:
        """Raises ValidationError where this would change what was charged."""
        if self.valid_from != stored.valid_from:
            raise ValidationError({"valid_from": _BEGUN})
        if stored.is_over(now):
            mine, theirs = ({"valid_until": price.valid_until, **price.amounts()} for price in (self, stored))
            for field, value in mine.items():
                if value != theirs[field]:
                    raise ValidationError({field: _ENDED})
        elif self.valid_until is not None and self.valid_until <= now:
            if self.amounts() != stored.amounts():
                raise ValidationError({"valid_until": _ENDS_AT_ONCE})
            if self.valid_until < now - JUST_NOW:
                raise ValidationError({"valid_until": _ENDS_IN_THE_PAST})
            self.valid_until = now

    def validate_unique(self, exclude: Any = None) -> None:
        """Refuses a span that overlaps another of the same model, with the error at `valid_from`."""
        super().validate_unique(exclude)
        if self.model_id is not None:
            others = Price.objects.filter(model_id=self.model_id).exclude(pk=self.pk)
            refuse_overlap(self, list(others))

    def has_begun(self, moment: datetime) -> bool:
        """Returns whether requests may have been charged at these prices by `moment`."""
        return self.valid_from is None or self.valid_from <= moment

    def is_over(self, moment: datetime) -> bool:
        """Returns whether these prices have ended by `moment`."""
        return self.valid_until is not None and self.valid_until <= moment

    def is_in_force(self, moment: datetime) -> bool:
        """Returns whether requests are charged at these prices at `moment`."""
        return self.has_begun(moment) and not self.is_over(moment)

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


def kind_in_words(kind: str) -> str:
    """Returns what a field of Price is called."""
    words = kind.replace("_", " ").replace("per request", "per answer")
    return words.replace(" 5m", ", 5 minutes").replace(" 1h", ", 1 hour")


def figures(price: Price) -> str:
    """Returns what prices are in words, with their span of time."""
    parts = [
        f"{kind_in_words(field)} ${amount.normalize():f}"
        for field, amount in price.amounts().items()
        if amount is not None
    ]
    return " · ".join([*parts, span(price.valid_from, price.valid_until)])


def span(start: datetime | None, end: datetime | None) -> str:
    """Returns a span of time in words, in UTC."""
    if start is None and end is None:
        return "without dates"
    return " ".join(f"{word} {moment:%Y-%m-%d %H:%M}" for word, moment in (("from", start), ("until", end)) if moment)


def schedules() -> dict[int, tuple[Prices, ...]]:
    """Returns all prices by model id, the latest beginning first, for usage.cost.in_force."""
    found: dict[int, list[Prices]] = defaultdict(list)
    for row in Price.objects.all():
        if row.model_id is not None:
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

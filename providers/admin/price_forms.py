"""The form of a model's prices. Its rows are validated together, because one ends where the next begins."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.forms import PaginationInlineFormSet

from providers.pricing.prices import TOKEN_KINDS, USE_KINDS, Price, refuse_overlap


class DollarsFormField(forms.DecimalField):
    """An amount in US dollars. A stored one is shown without trailing zeros: its 12 decimals would be refused."""

    def __init__(self, **kwargs: Any) -> None:
        # These replace the bounds of the integer that the model field stores.
        super().__init__(**{**kwargs, "min_value": 0, "max_digits": 12, "decimal_places": 6})

    def prepare_value(self, value: Any) -> Any:
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]
    """Prices for one span of time."""

    class Meta:
        model = Price
        exclude = ()
        field_classes = dict.fromkeys((*TOKEN_KINDS, *USE_KINDS), DollarsFormField)
        labels = {
            "cache_write_5m": "Cache write, minutes",
            "cache_write_1h": "Cache write, 1 hour",
            "per_request": "Per answer",
            "per_web_search": "Per web search",
        }

    def validate_unique(self) -> None:
        """Left to PriceSet: the rows in the database are not those that this page is about to save."""


class PriceSet(PaginationInlineFormSet):
    """All prices of a model. No two hold at the same time; the error stands beside the later one's first moment."""

    def validate_unique(self) -> None:
        """Compare each row with those above it, as they stand on the page."""
        seen: list[Any] = []
        for form in self.forms:
            if not form.is_valid() or form in self.deleted_forms or not (form.instance.pk or form.has_changed()):
                continue
            others = [other.instance for other in seen]
            try:
                refuse_overlap(form.instance, others)
            except ValidationError as error:
                form.add_error(None, error)
            seen.append(form)

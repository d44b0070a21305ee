"""The forms of providers, models and prices."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from access import audit
from providers.admin import choices
from providers.admin.client_fields import NamesField, priced_for_field
from providers.admin.headers import Headers, HeadersField, header_rows, sorted_headers
from providers.admin.transform_chain import ChainField
from providers.claude.support import support_descriptions
from providers.config import CAPABILITIES
from providers.models import Model, Provider
from providers.pricing.prices import JUST_NOW, TOKEN_KINDS, USE_KINDS, Price, refuse_overlap
from providers.validation import check_transforms
from proxysite.console.form_fields import AddedRows, JsonField, explain_choices


def supports_help() -> SafeString:
    """Returns the help text of what a Claude model takes: the fields with their descriptions."""
    known = format_html_join("", "<br><code>{}</code>: {}", support_descriptions())
    return format_html(
        "What a Claude model takes in a request, as a JSON object; the rest is left out or said otherwise. Empty: as "
        "known by the name. <code>{{}}</code>: nothing is changed."
        '<details class="gw-help"><summary>Its fields</summary>{}</details>',
        known,
    )


class SupportField(JsonField):
    """What a model takes; an empty area is left to the name, and an empty object limits nothing."""

    def __init__(self, help_text: SafeString) -> None:
        super().__init__(dict, help_text, rows=6)

    def prepare_value(self, value: Any) -> Any:
        return "{}" if value == {} else super().prepare_value(value)

    def to_python(self, value: Any) -> Any:
        return None if isinstance(value, str) and not value.strip() else super().to_python(value)


_MEANINGS = {"dialect": choices.DIALECTS, "platform": choices.CLOUDS, "profile": choices.profiles()}


class ProviderForm(forms.ModelForm):  # type: ignore[type-arg]
    """A provider."""

    options = JsonField(dict, choices.options_help())
    headers = HeadersField()
    client_fields = NamesField()
    transforms = ChainField("Changes to each request to this provider, in this order; to its answers in reverse order.")

    class Meta:
        model = Provider
        exclude = ()
        labels = {"base_url": "Base URL", "proxy_url": "Proxy URL"}
        help_texts = {
            "base_url": f"{Provider._meta.get_field('base_url').help_text} An endpoint's own path is cut off.",
            "platform": choices.platform_help(),
        }
        error_messages = {
            "name": {"unique": "Another provider has this name: choose another name, or edit that provider."}
        }

    owner = ""
    """Who fills in the form: set by the page."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "headers" in self.fields:
            self.fields["headers"].widget.owner = self.owner
        for name, meanings in _MEANINGS.items():
            if name in self.fields:
                explain_choices(self.fields[name], meanings)
        if "headers" in self.fields and (self.instance.pk or "headers" not in self.initial):
            self.initial["headers"] = header_rows(self.instance)
        self._headers: Headers | None = None

    def clean_headers(self) -> dict[str, str]:
        """Returns the public ones; the others are encrypted once the address is known."""
        rows = self.cleaned_data["headers"]
        if rows is None:
            return dict(self.instance.headers)
        self._headers = sorted_headers(rows, self.instance)
        return self._headers.public

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self._headers is not None and not self.errors:
            try:
                self._headers.store(self.instance)
            except ImproperlyConfigured as error:
                self.add_error("headers", str(error))


class ModelForm(forms.ModelForm):  # type: ignore[type-arg]
    """An upstream model, with its capabilities as check boxes."""

    capabilities = forms.MultipleChoiceField(
        choices=[(name, f"{name}: {meaning}") for name, meaning in CAPABILITIES.items()],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="What the model can do.",
    )
    transforms = ChainField(
        "Changes to each request after the provider's own, in this order; to answers before the provider's."
    )
    supports = SupportField(supports_help())
    priced_for = priced_for_field()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Among the models of a provider's page there are no such fields.
        for name in ("supports", "priced_for"):
            if self._meta.fields is not None and name not in self._meta.fields:
                del self.fields[name]

    class Meta:
        model = Model
        exclude = ()

    def clean(self) -> dict[str, Any]:
        """Refuses a second model of the same name, and limits that contradict each other."""
        data: dict[str, Any] = super().clean() or {}
        if "name" in self.changed_data and "supports" not in self.changed_data:
            # What is written there is about the model of the old name.
            data["supports"] = self.instance.supports = None
        # On the page of a new provider there is none to ask about yet; NamedOnce looks at the rows themselves.
        provider: Provider | None = data.get("provider")
        taken = Model.objects.filter(name=data.get("name")).exclude(pk=self.instance.pk)
        if provider is not None and provider.pk and taken.filter(provider=provider).exists():
            self.add_error("name", "This provider already has a model of that name: edit that model.")
        if provider is not None and "transforms" in data:
            try:
                check_transforms(data["transforms"], provider.dialect)
            except ValidationError as error:
                self.add_error(None, error)
        window, most = data.get("context_window"), data.get("max_output")
        if window and most and most > window:
            self.add_error("max_output", "This is larger than the context window: enter a smaller number.")
        return data


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
            "cache_write_5m": "Cache write, 5 minutes",
            "cache_write_1h": "Cache write, 1 hour",
            "per_request": "Per answer",
            "per_web_search": "Per web search",
        }

    def clean(self) -> dict[str, Any]:
        """Keeps the fractions of a second of moments that nobody changed: the page does not show them."""
        data: dict[str, Any] = super().clean() or {}
        for name in ("valid_from", "valid_until"):
            if name in data and name not in self.changed_data:
                data[name] = self.initial.get(name)
        if not {*TOKEN_KINDS, *USE_KINDS}.isdisjoint(self.changed_data):
            self.instance.source = Price.Source.HAND
        has_amount = any(data.get(kind) is not None for kind in (*TOKEN_KINDS, *USE_KINDS))
        if self.instance.pk is None and not self.errors and not has_amount:
            self.add_error(None, "Enter a price, or remove this row: without one it says nothing.")
        return data

    def validate_unique(self) -> None:
        """Left to PriceSet: the rows in the database are not those that this page is about to save."""


class PriceSet(AddedRows):
    """All prices of a model, validated together: no two hold at the same time, and one ends where the next begins.

    The error stands beside the later one's first moment. Where the page ends prices at once, by a deletion or by an end
    that was a moment ago, others that name no start, or that one, begin then.
    """

    moment: datetime
    """When the page ends prices, and begins others, that it ends and begins at once."""

    def validate_unique(self) -> None:
        """Compares each row with those that the page does not save, and with those above it, as they stand there."""
        if self.has_changed():
            # Nobody else changes them until they are saved.
            audit.lock()
        self.moment = timezone.now()
        of_model = Price.objects.filter(model=self.instance.pk) if self.instance.pk else Price.objects.none()
        stored = {price.pk: price for price in of_model}
        deleted = {form.instance.pk for form in self.forms if self._should_delete_form(form)}
        on_page = [form for form in self.forms if not self._should_delete_form(form)]
        forms = [form for form in on_page if form.is_valid() and (form.instance.pk or form.has_changed())]
        if self._ends_some(stored, deleted, forms):
            self._begin_others(stored, forms)
        shown = {form.instance.pk for form in on_page}
        seen = [
            price
            for price in stored.values()
            if price.pk not in shown and (price.pk not in deleted or price.has_begun(self.moment))
        ]
        self._begin_at_shown_ends(forms, seen)
        for form in forms:
            try:
                refuse_overlap(form.instance, seen)
            except ValidationError as error:
                form.add_error(None, error)
            seen.append(form.instance)

    def delete_existing(self, obj: Any, commit: bool = True) -> None:
        """Ends prices at the moment at which others on the page begin; deletes those that have not begun."""
        if commit:
            Price.objects.filter(pk=obj.pk).end(self.moment)
        super().delete_existing(obj, commit=commit)

    def _ends_some(self, stored: Mapping[int, Price], deleted: Container[int], forms: Iterable[Any]) -> bool:
        """Lets the prices that the page ends at once end at `moment`; returns whether there are any."""
        on_page = {form.instance.pk: form.instance for form in forms}
        for price in stored.values():
            row = price if price.pk in deleted else on_page.get(price.pk)
            if price.is_in_force(self.moment) and row is not None and (row is price or row.is_over(self.moment)):
                row.valid_until = self.moment
                return True
        return False

    def _begin_at_shown_ends(self, forms: Iterable[Any], others: Iterable[Price]) -> None:
        """Lets a typed start that is in the same second as another row's end be that end, which the page shows without
        its fraction."""
        rows: list[Price] = [*others, *(form.instance for form in forms)]
        ends = {end.replace(microsecond=0): end for row in rows if (end := row.valid_until) is not None}
        for form in forms:
            price: Price = form.instance
            if price.valid_from is None or "valid_from" not in form.changed_data:
                continue
            end = ends.get(price.valid_from)
            if end is not None and (price.valid_until is None or end < price.valid_until):
                price.valid_from = end

    def _begin_others(self, stored: Mapping[int, Price], forms: Iterable[Any]) -> None:
        """Lets prices begin at `moment` that have not begun, and that the page lets begin a moment ago or ever."""
        for form in forms:
            price: Price = form.instance
            has_begun = price.pk in stored and stored[price.pk].has_begun(self.moment)
            at_once = price.valid_from is None or self.moment - JUST_NOW <= price.valid_from < self.moment
            if at_once and not has_begun and not price.is_over(self.moment):
                price.valid_from = self.moment

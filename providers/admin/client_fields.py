"""The form fields that say what clients may add, and what a model's prices hold for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextareaWidget

from providers.client_fields.names import DEFAULT
from providers.client_fields.protocol import PRICED


class NamesField(forms.CharField):
    """Names of fields in a text area, one per line; the value is a list."""

    def __init__(self) -> None:
        super().__init__(
            required=False,
            label="Fields that clients may add",
            widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "class": "gw-json", "spellcheck": "false"}),
            help_text=_help(),
        )

    def prepare_value(self, value: Any) -> Any:
        """The list as lines."""
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """The names, each once."""
        if isinstance(value, list):
            return value
        return list(dict.fromkeys((value or "").replace(",", " ").split()))


def priced_for_field() -> forms.MultipleChoiceField:
    """Returns the check boxes of what a model's prices hold for."""
    return forms.MultipleChoiceField(
        choices=[(name, f"{name}: {meaning}") for name, meaning in PRICED.items()],
        required=False,
        label="Prices hold for",
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="What else of Claude's API clients may ask of this model. Each chooses another model or price, or an "
        "object of the provider's account that all clients share. What is not ticked is dropped: the usage row would "
        "not account for it.",
    )


def _help() -> SafeString:
    return format_html(
        "Names of fields outside Claude's API, one per line, such as <code>top_a</code>; of an object's fields with a "
        "dot, such as <code>options.num_gpu</code>. Other fields that a client sends are dropped. A transform's fields "
        "are sent in any case and win. Every provider but Claude on a cloud takes <code>{}</code>, in its own place.",
        ", ".join(sorted(DEFAULT)),
    )

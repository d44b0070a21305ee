"""The form of each row in the list of models: whether it is enabled, and what its tokens cost now."""

from __future__ import annotations

from itertools import starmap
from typing import Any, Final

from django import forms
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from providers.admin.forms import DollarsFormField
from providers.models import Model
from providers.pricing.changes import change_prices
from proxysite.console.lost_updates import ListRow

PRICES: Final = {"price_in": "input", "price_out": "output"}
"""Field of a row -> field of Price."""


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(value)}"'


class _Plain:
    """For a widget that is one input: written without a template, since a page has several hundred of them."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Returns the same input as the template's."""
        shown = self.get_context(name, value, attrs)["widget"]  # type: ignore[attr-defined]
        found = {"type": shown["type"], "name": name, "value": shown["value"], **shown["attrs"]}
        return mark_safe(f"<input{''.join(starmap(_attribute, found.items()))}>")  # noqa: S308 - each is escaped


class _Amount(_Plain, UnfoldAdminTextInputWidget):
    pass


class _Switch(_Plain, UnfoldBooleanSwitchWidget):
    pass


class _Hidden(_Plain, forms.HiddenInput):
    pass


def _price(what: str) -> DollarsFormField:
    attrs = {"inputmode": "decimal", "autocomplete": "off", "class": "gw-price", "placeholder": "unknown"}
    return DollarsFormField(required=False, label=what, widget=_Amount(attrs=attrs))


class ModelRowForm(ListRow):
    """A model in the list. Prices are US dollars per million tokens; others begin when they are saved."""

    price_in = _price("Input price")
    price_out = _price("Output price")

    may_price = False
    """Whether whoever fills in the form may change prices: set by the page."""

    class Meta:
        model = Model
        fields = ("enabled",)
        widgets = {"enabled": _Switch()}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, kind in PRICES.items():
            if not self.may_price:
                del self.fields[name]
                continue
            self.initial[name] = getattr(self.instance, f"{kind}_now", None)
        for field in self.fields.values():
            field.hidden_widget = _Hidden

    def save_prices(self) -> None:
        """Lets the prices that were changed hold from now on."""
        changed = {kind: self.cleaned_data[name] for name, kind in PRICES.items() if name in self.changed_data}
        if changed:
            change_prices([self.instance.pk], changed)


class ModelRows(forms.BaseModelFormSet):  # type: ignore[type-arg]
    """The rows of one page. Each knows its model without asking the database for it again."""

    def add_fields(self, form: Any, index: int | None) -> None:
        """The id of a row is that of the model that was looked up for all rows together."""
        super().add_fields(form, index)
        form.fields["id"] = forms.TypedChoiceField(
            choices=[(form.instance.pk, "")],
            coerce=int,
            initial=form.instance.pk,
            required=False,
            widget=_Hidden(),
        )

"""Form fields and formsets that the admin pages of several rooms share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.safestring import SafeString
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminTextareaWidget


class JsonField(forms.JSONField):
    """JSON in a text area, written back with line breaks; an empty area is `empty`, and an error names the place."""

    def __init__(
        self,
        empty: type[dict[str, Any]] | type[list[Any]],
        help_text: str | SafeString,
        rows: int = 4,
        widget: type[UnfoldAdminTextareaWidget] = UnfoldAdminTextareaWidget,
        attrs: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        area = widget(attrs={"rows": rows, "class": "gw-json", "spellcheck": "false", **attrs})
        super().__init__(required=False, widget=area, help_text=help_text)
        self.empty = empty

    def prepare_value(self, value: Any) -> Any:
        """The value as text for the area; a text that was no JSON comes back as it was typed."""
        if value is None or isinstance(value, dict | list):
            return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
        return super().prepare_value(value)

    def to_python(self, value: Any) -> Any:
        """The value. Raises ValidationError with the line and column of the first mistake."""
        if not isinstance(value, str):
            return self.empty() if value is None else value
        if not value.strip():
            return self.empty()
        try:
            found = json.loads(value)
        except json.JSONDecodeError as error:
            raise ValidationError(
                f"This is not JSON: {error.msg} in line {error.lineno}, column {error.colno}. "
                "Put names and texts in double quotes, and no comma after the last entry."
            ) from error
        except RecursionError as error:
            raise ValidationError("This JSON is nested too deeply.") from error
        return self.empty() if found is None else found


def explain_choices(field: Any, meanings: Mapping[Any, str]) -> None:
    """Lets the page say below a select what its chosen value means; see proxysite/choices.js."""
    field.widget.attrs["data-gateway-choices"] = json.dumps(dict(meanings))


class NamedOnce(PaginationInlineFormSet):
    """Inline rows that must differ in the field `once`; the error is shown beside the second of two equal ones."""

    once = "name"
    message = "This name is used twice. Choose another one."

    def validate_unique(self) -> None:
        """In place of Django's message above the whole table."""
        seen = set()
        for form in self.forms:
            value = getattr(form, "cleaned_data", {}).get(self.once)
            if value is None or form in self.deleted_forms:
                continue
            if value in seen:
                form.add_error(self.once, self.message)
            seen.add(value)


class AddedRows(PaginationInlineFormSet):
    """Inline rows that are there only because somebody added them: one that is left as it came is an error, and is not
    dropped without a word. For inlines that show no empty row by themselves."""

    def _construct_form(self, i: int, **kwargs: Any) -> Any:
        form = super()._construct_form(i, **kwargs)
        form.empty_permitted = False
        return form

"""Form fields that hold JSON: any object or list as text, and a chain of transforms as rows that make such text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import INPUT_CLASSES, SELECT_CLASSES, UnfoldAdminTextareaWidget

from providers.transforms import REGISTRY


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
                "Names and texts stand in double quotes, and the last entry has no comma after it."
            ) from error
        except RecursionError as error:
            raise ValidationError("This JSON is nested too deeply.") from error
        return self.empty() if found is None else found


class ChainWidget(UnfoldAdminTextareaWidget):
    """A text area that a script makes into rows."""

    class Media:
        js = ("providers/chain.js",)
        css = {"all": ("providers/chain.css",)}


class ChainField(JsonField):
    """A chain of transforms; `when` says to what it is applied."""

    def __init__(self, when: str) -> None:
        known = {
            name: {"summary": entry.summary, "options": _options(name)} for name, entry in sorted(REGISTRY.items())
        }
        super().__init__(
            list,
            _help(when),
            widget=ChainWidget,
            attrs={
                "data-transforms": json.dumps(known),
                "data-select-class": " ".join(SELECT_CLASSES),
                "data-input-class": " ".join(INPUT_CLASSES),
            },
        )


def _options(name: str) -> list[str]:
    return [field.name for field in msgspec.structs.fields(REGISTRY[name].options)]


def _help(when: str) -> SafeString:
    """What may stand in a chain: every registered transform with its options, and an example."""
    known = format_html_join(
        "",
        "<br><code>{}</code> ({}): {}",
        ((name, ", ".join(_options(name)) or "no options", entry.summary) for name, entry in sorted(REGISTRY.items())),
    )
    example = '[{"name": "maxtoken", "options": {"limit": 8192}}]'
    return format_html("{} As a JSON list, such as <code>{}</code>. There are:{}", when, example, known)

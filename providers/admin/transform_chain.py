"""The form field of a chain of transforms: JSON text that a script turns into rows."""

from __future__ import annotations

import json

import msgspec
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import INPUT_CLASSES, SELECT_CLASSES, UnfoldAdminTextareaWidget

from providers.transforms import REGISTRY
from proxysite.console.form_fields import JsonField


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
    return format_html(
        "{} As a JSON list, such as <code>{}</code>."
        '<details class="gw-help"><summary>All transforms</summary>{}</details>',
        when,
        example,
        known,
    )

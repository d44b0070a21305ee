"""The form field of a provider's own headers: rows of a name, a value, and whether the value is public.

The value of a header that is not public is never shown; left empty, the stored one stays. One that was typed into a
form which comes back is kept sealed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.widgets import INPUT_CLASSES

from providers.credentials.binding import destination_of
from providers.credentials.headers import PUBLIC, why_inactive
from providers.credentials.headers import sealed as stored_secret
from providers.models import Provider
from providers.validation import validate_headers
from proxysite.admin.kept_secret import opened, sealed

_MOST = 100
_EMPTY = 3
_HELP = (
    "Extra headers for every request. A value is encrypted and never shown again, unless you tick “public”; leave it "
    "empty to keep the stored one. Clear a name to remove the header."
)


class HeaderRow(msgspec.Struct):
    """One line of the form. `state` says of a stored secret what a credential's line says; `kept` is a secret that was
    typed before, sealed."""

    name: str = ""
    value: str = ""
    public: bool = False
    state: str = ""
    kept: str = ""


def header_rows(provider: Provider) -> list[HeaderRow]:
    """Returns the lines of a provider's headers, secret ones without their values."""
    rows = [HeaderRow(name, value, True) for name, value in provider.headers.items()]
    now = destination_of(provider) if provider.secret_headers else ""
    for name, stored in provider.secret_headers.items():
        why = why_inactive(stored, now)
        rows.append(HeaderRow(name, "", False, f"stored, but inactive: {why}" if why else "stored"))
    return rows


class HeadersWidget(forms.Widget):
    """Rows of inputs, and a few empty ones."""

    owner = ""
    """Whose form it is: set by the form."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Writes no value that is not public, not even one that was just entered."""
        rows = [row for row in value or [] if row.name or row.value]
        shown = [row if row.public or not row.value else self._sealed(row) for row in rows]
        context = {
            "name": name,
            "rows": [*shown, *[HeaderRow()] * _EMPTY],
            "input_class": " ".join(INPUT_CLASSES),
        }
        return SafeString(render_to_string("gateway/headers.html", context))

    def _sealed(self, row: HeaderRow) -> HeaderRow:
        kept = sealed(row.value, self.owner)
        state = "entered, and not saved yet" if kept else "enter it again"
        return msgspec.structs.replace(row, value="", kept=kept, state=state)

    def posted(self, name: str, rows: list[HeaderRow]) -> dict[str, str]:
        """Returns what a browser sends for these lines."""
        sent: dict[str, str] = {}
        for number, row in enumerate(rows):
            sent |= {f"{name}-{number}-name": row.name, f"{name}-{number}-value": row.value}
            if row.public:
                sent[f"{name}-{number}-public"] = "on"
        return sent

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[HeaderRow] | None:
        """Returns the lines that were sent; None where the form had none at all."""
        if self.value_omitted_from_data(data, files, name):
            return None
        return [
            HeaderRow(
                str(data.get(f"{name}-{number}-name", "")).strip(),
                str(data.get(f"{name}-{number}-value", "")).strip()
                or opened(str(data.get(f"{name}-{number}-kept", "")), self.owner),
                bool(data.get(f"{name}-{number}-public")),
            )
            for number in range(_MOST)
            if f"{name}-{number}-name" in data
        ]

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        """Whether the form had no such rows."""
        return f"{name}-0-name" not in data


class HeadersField(forms.Field):
    """A list of HeaderRow, None where the form had no rows."""

    widget = HeadersWidget

    def __init__(self) -> None:
        super().__init__(required=False, help_text=_HELP)

    def has_changed(self, initial: list[HeaderRow] | None, data: list[HeaderRow] | None) -> bool:
        """Whether a line is another one; an empty value of a stored secret is none."""
        if data is None:
            return False
        sent = [(row.name, row.value, row.public) for row in data if row.name]
        return sent != [(row.name, row.value, row.public) for row in initial or []]


class Headers(msgspec.Struct):
    """Headers as they are stored: public values, and secret ones, None where the stored value stays."""

    public: dict[str, str] = {}
    secret: dict[str, str | None] = {}

    def store(self, provider: Provider) -> None:
        """Encrypts new values for the address that the provider has now. Raises ImproperlyConfigured."""
        before = provider.secret_headers
        # What is kept may itself say where requests go, and is part of the address that new values are bound to.
        provider.secret_headers = {name: before[name] for name, value in self.secret.items() if value is None}
        provider.secret_headers |= {
            name: stored_secret(value, "") for name, value in self.secret.items() if value is not None
        }
        now = destination_of(provider)
        for name, value in self.secret.items():
            if value is not None:
                provider.secret_headers[name]["bound_to"] = now


def sorted_headers(rows: list[HeaderRow], provider: Provider) -> Headers:
    """Returns the headers of the form. Raises ValidationError."""
    found, seen = Headers(), set()
    for row in rows:
        if not row.name:
            if row.value:
                raise ValidationError("Enter the name of the header beside its value.")
            continue
        if row.name.lower() in seen:
            raise ValidationError(f"{row.name} is there twice: remove one of the two.")
        seen.add(row.name.lower())
        validate_headers({row.name: row.value})
        if row.public:
            found.public[row.name] = _public_value(row, provider)
        else:
            found.secret[row.name] = _secret_value(row, provider)
    return found


def _public_value(row: HeaderRow, provider: Provider) -> str:
    if not row.value and row.name in provider.secret_headers:
        raise ValidationError(f"Enter the value of {row.name} again to make it public: a stored one is never shown.")
    return row.value


def _secret_value(row: HeaderRow, provider: Provider) -> str | None:
    if row.value:
        return row.value
    if row.name in provider.secret_headers:
        return None
    hint = " and tick “public”" if row.name.lower() in PUBLIC else ""
    raise ValidationError(f"Enter the value of {row.name}{hint}.")

"""The headers of a provider's entry, as they are stored: public values, and secret ones encrypted for its address.

A text is public where its name is known to hold no secret, and secret otherwise.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from msgspec import UNSET

from configuration.apply.context import ImportContext
from configuration.file.fields import values_of
from configuration.file.schema import ConfigurationError, HeaderEntry, ProviderEntry
from providers import secrets
from providers.credentials.binding import destination_of
from providers.credentials.headers import PUBLIC, opened, sealed
from providers.models import Provider


def header_values(context: ImportContext, place: str, provider: Provider, entry: ProviderEntry) -> dict[str, Any]:
    """Returns the values of both fields; none where the file says nothing of headers. Raises ConfigurationError."""
    if entry.headers is UNSET:
        return {"headers": {}, "secret_headers": {}} if context.complete else {}
    public: dict[str, str] = {}
    hidden: dict[str, str | None] = {}
    for name, given in entry.headers.items():
        header = HeaderEntry(value=given, public=name.lower() in PUBLIC) if isinstance(given, str) else given
        if (header.value is UNSET) is (header.stored is UNSET):
            raise ConfigurationError(f"{place}.headers.{name}: Write either `value` or `stored: true`.")
        if header.public is True and header.value is not UNSET:
            public[name] = header.value
        else:
            hidden[name] = None if header.value is UNSET else header.value
    return {"headers": public, "secret_headers": _stored(context, place, provider, entry, public, hidden)}


def _stored(
    context: ImportContext,
    place: str,
    provider: Provider,
    entry: ProviderEntry,
    public: dict[str, str],
    hidden: dict[str, str | None],
) -> dict[str, dict[str, str]]:
    """What the file mentions is confirmed for the address that it gives."""
    found: dict[str, dict[str, str]] = {}
    for name, value in hidden.items():
        before = provider.secret_headers.get(name)
        if before is not None and (value is None or _value_of(before) == value):
            found[name] = dict(before)
        elif value is None:
            found[name] = {"ciphertext": ""}
            context.report.to_do.append(f"Header {name} of {entry.name} has no value: enter it in the admin.")
        elif (new := _encrypted(context, f"{place}.headers.{name}", value)) is not None:
            found[name] = new
    values = values_of(entry, Provider, complete=context.complete)
    fields = {
        name: values.get(name, getattr(provider, name)) for name in ("base_url", "proxy_url", "platform", "options")
    }
    now = destination_of(Provider(**fields, headers=public, secret_headers=found))
    return {name: {**stored, "bound_to": now} for name, stored in found.items()}


def _value_of(stored: dict[str, str]) -> str | None:
    try:
        return opened(stored)
    except secrets.UnreadableSecret:
        return None


def _encrypted(context: ImportContext, place: str, value: str) -> dict[str, str] | None:
    try:
        return sealed(value, "")
    except ImproperlyConfigured as error:
        if context.foreign:
            context.report.to_do.append(f"{place}: The value was not imported: {error}")
            return None
        raise ConfigurationError(f"{place}: {error}") from error

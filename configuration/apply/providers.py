"""Writes providers with their credentials, models and prices. A stored secret that a file does not hold stays."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured, ValidationError
from msgspec import UNSET
from msgspec.structs import replace

from configuration.apply.context import ImportContext
from configuration.apply.headers import header_values
from configuration.apply.prices import write_prices
from configuration.file.fields import values_of
from configuration.file.schema import ConfigurationError, CredentialEntry, ModelEntry, ProviderEntry
from configuration.file.secrets import BadSecret, one_line, variable_of
from providers import secrets
from providers.claude.known_models import seeded_support
from providers.credentials.binding import destination_of, why_inactive
from providers.endpoints import OtherDialect, base_url_of
from providers.models import Credential, Model, Provider
from providers.validation import check_transforms


def write_providers(context: ImportContext, entries: Sequence[ProviderEntry]) -> None:
    """Writes the providers with their credentials, models and prices. Raises ConfigurationError."""
    names: set[Any] = set()
    for number, entry in enumerate(entries):
        place = context.place("providers", number, f"provider {entry.name}")
        context.refuse_duplicate(place, names, entry.name)
        provider = Provider.objects.filter(name=entry.name).first() or Provider(name=entry.name)
        if entry.base_url is not UNSET:
            entry.base_url = _base_url(provider, entry)
        context.save(place, provider, entry.name, entry, **header_values(context, place, provider, entry))
        credentials: set[Any] = set()
        for index, credential in enumerate(entry.credentials):
            where = f"{place}.credentials[{index}]"
            context.refuse_duplicate(where, credentials, credential.name)
            _write_credential(context, where, provider, credential)
        of_provider = Model.objects.filter(provider=provider).prefetch_related("prices")
        existing = {row.name: row for row in of_provider} if entry.models else {}
        models: set[Any] = set()
        for index, model in enumerate(entry.models):
            where = f"{place}.models[{index}]"
            context.refuse_duplicate(where, models, model.name)
            row = existing.get(model.name) or Model(provider=provider, name=model.name)
            _write_model(context, where, provider, row, model)
        _note_inactive(context, provider)


def _note_inactive(context: ImportContext, provider: Provider) -> None:
    """Credentials that the file does not mention are not confirmed by it."""
    now = destination_of(provider)
    for row in Credential.objects.filter(provider=provider, enabled=True).order_by("position", "id"):
        if why := why_inactive(row, now):
            context.report.to_do.append(f"Credential {provider.name}: {row.name} is not used: {why}.")


def _base_url(provider: Provider, entry: ProviderEntry) -> Any:
    """The entry's base URL as it will be stored; an invalid one as it is, for `save` to refuse."""
    dialect = provider.dialect if entry.dialect is UNSET else entry.dialect
    platform = provider.platform if entry.platform is UNSET else entry.platform
    try:
        return base_url_of(str(entry.base_url), dialect, platform)
    except (ValueError, OtherDialect):
        return entry.base_url


def _write_credential(context: ImportContext, place: str, provider: Provider, entry: CredentialEntry) -> None:
    name = f"{provider.name}: {entry.name}"
    row = Credential.objects.filter(provider=provider, name=entry.name).first()
    is_new = row is None
    row = row or Credential(provider=provider, name=entry.name)
    secret = _secret_fields(context, place, row, entry)
    if is_new and not secret:
        raise ConfigurationError(
            f"{place}: This credential has no secret. Write `variable: NAME`, `stored: true` or `secret: …`."
        )
    values = {**values_of(entry, Credential, complete=context.complete), **secret}
    if secret:
        # Whoever runs an import can read every secret, so what the file mentions is confirmed.
        values["bound_to"] = destination_of(provider)
    else:
        values.pop("variable", None)
    context.report.save(place, row, name, values)
    context.seen[Credential].add(row.pk)
    if row.source == Credential.Source.ENVIRONMENT and not os.environ.get(row.variable):
        context.report.to_do.append(
            f"Credential {name}: the variable {row.variable} is not set in this process. Set it for every worker."
        )
    elif row.source == Credential.Source.STORED and not row.ciphertext:
        context.report.to_do.append(f"Credential {name} has no secret: enter it in the admin.")


def _secret_fields(context: ImportContext, place: str, row: Credential, entry: CredentialEntry) -> dict[str, Any]:
    """The field values for the secret that an entry names; empty if it names none."""
    given = [value for value in (entry.variable, entry.stored, entry.secret) if value is not UNSET]
    if len(given) > 1:
        raise ConfigurationError(f"{place}: Write only one of `variable`, `stored` and `secret`.")
    secret = "" if entry.secret is UNSET else entry.secret
    variable = variable_of(secret) if entry.variable is UNSET else entry.variable
    if variable is not None:
        return {"source": Credential.Source.ENVIRONMENT, "variable": variable, "ciphertext": "", "last_four": ""}
    if entry.stored is not UNSET:
        return {"source": Credential.Source.STORED, "variable": ""}
    if entry.secret is UNSET:
        return {}
    stored = {"source": Credential.Source.STORED, "variable": ""}
    try:
        secret = one_line(secret)
        if _is_stored(row, secret):
            return stored
        sealed = Credential(provider=row.provider)
        sealed.set_secret(secret)
    except BadSecret as error:
        raise ConfigurationError(f"{place}.secret: {error}") from error
    except ImproperlyConfigured as error:
        if context.foreign:
            context.report.to_do.append(f"{place}: The key was not imported: {error}")
            return stored
        raise ConfigurationError(f"{place}.secret: {error}") from error
    # The last characters of a JSON file identify nothing.
    last_four = "" if secret.startswith("{") else sealed.last_four
    return {**stored, "ciphertext": sealed.ciphertext, "last_four": last_four}


def _is_stored(row: Credential, secret: str) -> bool:
    if not row.ciphertext:
        return False
    try:
        return secrets.decrypt(row.ciphertext) == secret
    except secrets.UnreadableSecret:
        return False


def _write_model(context: ImportContext, place: str, provider: Provider, row: Model, entry: ModelEntry) -> None:
    name = f"{provider.name}: {entry.name}"
    if entry.supports is UNSET and context.complete:
        entry = replace(entry, supports=seeded_support(entry.name))
    prices = [] if row._state.adding else list(row.prices.all())
    context.save(place, row, name, entry)
    if row.context_window and row.max_output and row.max_output > row.context_window:
        raise ConfigurationError(f"{place}.max_output: This is larger than the context window.")
    try:
        check_transforms(row.transforms, provider.dialect)
    except ValidationError as error:
        raise ConfigurationError(f"{place}.transforms: {' '.join(error.messages)}") from error
    if entry.prices is not UNSET:
        write_prices(context, place, row, name, entry.prices, prices)
    elif context.complete:
        write_prices(context, place, row, name, [], prices)

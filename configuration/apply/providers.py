"""Providers, credentials and models into rows. A stored secret that a file does not hold stays as it is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured, ValidationError
from msgspec import UNSET

from configuration.apply import prices
from configuration.apply.context import Task
from configuration.apply.import_report import ConfigurationError
from configuration.file.fields import wanted_of
from configuration.file.schema import CredentialEntry, ModelEntry, ProviderEntry
from configuration.file.secrets import BadSecret, one_line, variable_of
from providers import secrets
from providers.models import Credential, Model, Provider
from providers.validation import check_transforms


def apply(task: Task, entries: Sequence[ProviderEntry]) -> None:
    """Write the providers with their credentials and models."""
    names: set[Any] = set()
    for number, entry in enumerate(entries):
        place = task.place("providers", number, f"provider {entry.name}")
        task.once(place, names, entry.name)
        provider = Provider.objects.filter(name=entry.name).first() or Provider(name=entry.name)
        if entry.base_url is not UNSET:
            entry.base_url = entry.base_url.rstrip("/")
        task.put(place, provider, entry.name, entry)
        credentials: set[Any] = set()
        for index, credential in enumerate(entry.credentials):
            where = f"{place}.credentials[{index}]"
            task.once(where, credentials, credential.name)
            _credential(task, where, provider, credential)
        here = {row.name: row for row in Model.objects.filter(provider=provider)}
        models: set[Any] = set()
        for index, model in enumerate(entry.models):
            where = f"{place}.models[{index}]"
            task.once(where, models, model.name)
            _model(task, where, provider, here.get(model.name) or Model(provider=provider, name=model.name), model)


def _credential(task: Task, place: str, provider: Provider, entry: CredentialEntry) -> None:
    name = f"{provider.name}: {entry.name}"
    row = Credential.objects.filter(provider=provider, name=entry.name).first()
    fresh = row is None
    row = row or Credential(provider=provider, name=entry.name)
    secret = _secret(task, place, row, entry)
    if fresh and not secret:
        raise ConfigurationError(f"{place}: Say where the secret is: `variable: NAME`, or `stored: true`.")
    wanted = {**wanted_of(entry, Credential, complete=task.complete), **secret}
    if not secret:
        wanted.pop("variable", None)
    task.ledger.put(place, row, name, wanted)
    task.seen[Credential].add(row.pk)
    if row.source == Credential.Source.ENVIRONMENT and not os.environ.get(row.variable):
        task.ledger.todo.append(f"credential {name}: {row.variable} is not set in this process; every worker needs it.")
    elif row.source == Credential.Source.STORED and not row.ciphertext:
        task.ledger.todo.append(f"credential {name} has no secret: enter it in the admin.")


def _secret(task: Task, place: str, row: Credential, entry: CredentialEntry) -> dict[str, Any]:
    """What a credential's fields are to be for the secret that an entry speaks of; empty if it speaks of none."""
    said = [value for value in (entry.variable, entry.stored, entry.secret) if value is not UNSET]
    if len(said) > 1:
        raise ConfigurationError(f"{place}: Say one of `variable`, `stored` and `secret`.")
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
        if task.foreign:
            task.ledger.todo.append(f"{place}: its key was not taken over: {error}")
            return stored
        raise ConfigurationError(f"{place}.secret: {error}") from error
    # The last characters of a file tell nothing.
    last_four = "" if secret.startswith("{") else sealed.last_four
    return {**stored, "ciphertext": sealed.ciphertext, "last_four": last_four}


def _is_stored(row: Credential, secret: str) -> bool:
    if not row.ciphertext:
        return False
    try:
        return secrets.decrypt(row.ciphertext) == secret
    except secrets.UnreadableSecret:
        return False


def _model(task: Task, place: str, provider: Provider, row: Model, entry: ModelEntry) -> None:
    name = f"{provider.name}: {entry.name}"
    task.put(place, row, name, entry)
    if row.context_window and row.max_output and row.max_output > row.context_window:
        raise ConfigurationError(f"{place}.max_output: This is more than the context window holds.")
    try:
        check_transforms(row.transforms, provider.dialect)
    except ValidationError as error:
        raise ConfigurationError(f"{place}.transforms: {' '.join(error.messages)}") from error
    if entry.prices is not UNSET:
        prices.apply(task, place, row, name, entry.prices)
    elif task.complete:
        prices.apply(task, place, row, name, [])

"""The configuration that is built while another gateway's file is read, and notes on what could not be carried over."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from django.core.exceptions import ValidationError

from access.validation import free_name
from configuration.file.schema import (
    CandidateEntry,
    Configuration,
    CredentialEntry,
    ModelEntry,
    ProviderEntry,
)
from configuration.file.secrets import fill_in, holds_variable, variable_of, variables_in
from providers.credentials import variables
from providers.validation import validate_headers

_UNFIT = re.compile(r"[^a-z0-9._-]+")
_PLACEHOLDER = re.compile(
    r"(sk-)?x*|.*\byour[-_ ].*|\{\{.*\}\}|<.*>"
    r"|(any|empty|dummy|fake|none|null|no-?key|not-?needed|placeholder|local|ollama|lm-?studio|vllm)",
    re.IGNORECASE,
)
"""Texts in place of a key that are not keys."""


class Conversion:
    """`not_carried_over` and `to_do` are lines for the operator; `environ` fills in variables."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.configuration = Configuration(version=1)
        self.not_carried_over: list[str] = []
        self.to_do: list[str] = []
        self._environ = environ
        self._by_name: dict[str, ProviderEntry | None] = {}
        self._original_names: dict[str, ProviderEntry] = {}

    def skip(self, place: str, reason: str) -> None:
        """Notes that the value at a place is not carried over."""
        self.not_carried_over.append(f"{place}: {reason}")

    def skip_unknown(
        self, place: str, value: Mapping[str, Any], known: Collection[str], reasons: Mapping[str, str]
    ) -> None:
        """Notes the fields of a mapping that are neither known nor empty, with the reason for some of them."""
        for name, given in value.items():
            if name not in known and given not in (None, "", False, [], {}):
                where = f"{place}.{name}" if place else name
                self.skip(where, reasons.get(name, "This gateway has no such setting."))

    def text(self, place: str, value: Any) -> str:
        """A text with its variables filled in from the environment; empty, and noted, where one may not be read or is
        not set."""
        text = value.strip() if isinstance(value, str) else ""
        if not holds_variable(text):
            return text
        if refused := variables.unreadable(variables_in(text)):
            self.skip(
                place,
                f"{text} names a variable that may not be read. Write the text itself, or allow the variable in the "
                f"environment: {variables.line_with(refused)}",
            )
            return ""
        filled = fill_in(text, self._environ)
        if filled is None:
            self.skip(place, f"{text} names a variable that is not set in this process.")
        return filled or ""

    def add_provider(self, place: str, original_name: str, entry: ProviderEntry | None) -> None:
        """Adds a provider under the file's name for it; None for one that cannot be carried over."""
        name = original_name.strip().lower()
        if name in self._by_name:
            self.skip(place, f"Provider {original_name!r} is defined twice.")
            return
        if entry is not None:
            self.configuration.providers.append(entry)
            if entry.name != name:
                self.skip(f"{place}.name", f"{original_name} is renamed to {entry.name}.")
        self._by_name[name] = entry
        if entry is not None:
            self._original_names[original_name.strip()] = entry

    def original_names(self, entry: ProviderEntry) -> list[str]:
        """The file's names for a provider."""
        return [name for name, known in self._original_names.items() if known is entry]

    def free_name(self, original_name: str) -> str:
        """An unused provider name, as close to the original as this gateway's rules for names allow."""
        return free_name(_slug(original_name), (entry.name for entry in self.configuration.providers))

    def credential(self, place: str, secret: Any, **fields: Any) -> CredentialEntry | None:
        """The credential of a key or of a variable's name; one without a secret for a placeholder. None where there is
        no text."""
        if not isinstance(secret, str):
            return None
        secret = secret.strip()
        variable = variable_of(secret)
        if variable is not None and (refused := variables.refusal_of(variable)):
            self.skip(place, refused)
            return CredentialEntry(stored=True, **fields)
        if variable is not None:
            return CredentialEntry(variable=variable, **fields)
        if holds_variable(secret):
            self.skip(place, "A variable is only part of the key. Put the complete key into a variable.")
            return CredentialEntry(stored=True, **fields)
        if _PLACEHOLDER.fullmatch(secret):
            return CredentialEntry(stored=True, **fields)
        return CredentialEntry(secret=secret, **fields)

    def headers(self, place: str, given: Any) -> dict[str, str]:
        """The headers that a provider may have, whose values are stored encrypted; the others are noted."""
        found: dict[str, str] = {}
        for name, value in given.items() if isinstance(given, dict) else ():
            try:
                validate_headers({name: value})
            except ValidationError as error:
                self.skip(f"{place}.{name}", " ".join(error.messages))
                continue
            if holds_variable(value):
                self.skip(f"{place}.{name}", "Its value is in a variable: enter the value in the admin.")
            else:
                found[name] = value
        return found

    def model(self, provider: ProviderEntry, name: str) -> ModelEntry:
        """A provider's model, added where the provider does not have it yet."""
        for model in provider.models:
            if model.name == name:
                return model
        provider.models.append(ModelEntry(name=name))
        return provider.models[-1]

    def candidate(self, place: str, provider: str, model: str) -> CandidateEntry | None:
        """A model at a provider as a route's candidate; None, and noted, where the file has no such provider."""
        name = provider.strip().lower()
        if name not in self._by_name:
            self.skip(place, f"The file has no provider {provider.strip()!r}.")
            return None
        entry = self._by_name[name]
        if entry is None:
            self.skip(place, f"Provider {provider.strip()!r} could not be carried over.")
            return None
        return CandidateEntry(model=f"{entry.name}:{self.model(entry, model.strip()).name}")

    def has_provider(self, name: str) -> bool:
        """Whether the file has a provider of that name."""
        return name.strip().lower() in self._by_name


def _slug(name: str) -> str:
    """A name in lower case, without spaces."""
    return _UNFIT.sub("-", name.strip().lower()).strip("-._") or "provider"

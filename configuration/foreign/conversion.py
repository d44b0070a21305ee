"""Our own configuration while another gateway's file is read: what has been said so far, and what could not be."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from django.core.exceptions import ValidationError

from configuration.file.schema import (
    CandidateEntry,
    Configuration,
    CredentialEntry,
    ModelEntry,
    ProviderEntry,
)
from configuration.file.secrets import holds_variable, replaced, variable_of
from providers.validation import validate_headers

_UNFIT = re.compile(r"[^a-z0-9._-]+")
_PLACEHOLDER = re.compile(
    r"(sk-)?x*|.*\byour[-_ ].*|\{\{.*\}\}|<.*>"
    r"|(any|empty|dummy|fake|none|null|no-?key|not-?needed|placeholder|local|ollama|lm-?studio|vllm)",
    re.IGNORECASE,
)
"""What stands where a key should be, and is none."""
_SECRET_NAME = re.compile(r"key|token|secret|auth|cookie|password", re.IGNORECASE)


class Draft:
    """`lost` is what could not be carried over, line by line; `todo` what somebody has to do afterwards."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.configuration = Configuration(version=1)
        self.lost: list[str] = []
        self.todo: list[str] = []
        self._environ = environ
        self._known: dict[str, ProviderEntry | None] = {}
        self._told: dict[str, ProviderEntry] = {}

    def lose(self, place: str, why: str) -> None:
        """Note that what stands at a place is not carried over."""
        self.lost.append(f"{place}: {why}")

    def rest(self, place: str, value: Mapping[str, Any], known: Collection[str], told: Mapping[str, str]) -> None:
        """Note the fields of a mapping that nobody has looked at; `told` says more of some. Empty ones go quietly."""
        for name, given in value.items():
            if name not in known and given not in (None, "", False, [], {}):
                where = f"{place}.{name}" if place else name
                self.lose(where, told.get(name, "there is nothing like it here."))

    def text(self, place: str, value: Any) -> str:
        """A text with the variables in it filled in from the environment; empty, and noted, where one is not set."""
        text = value.strip() if isinstance(value, str) else ""
        if not holds_variable(text):
            return text
        filled = replaced(text, self._environ)
        if filled is None:
            self.lose(place, f"{text} names a variable that is not set in this process.")
        return filled or ""

    def provider(self, place: str, told: str, entry: ProviderEntry | None) -> None:
        """Add a provider under the name that the file tells it by; None for one that cannot be carried over."""
        name = told.strip().lower()
        if name in self._known:
            self.lose(place, f"a provider {told!r} stands in the file already.")
            return
        if entry is not None:
            self.configuration.providers.append(entry)
            if entry.name != name:
                self.lose(f"{place}.name", f"{told} is called {entry.name} here.")
        self._known[name] = entry
        if entry is not None:
            self._told[told.strip()] = entry

    def told(self, entry: ProviderEntry) -> list[str]:
        """The names that the file tells a provider by."""
        return [name for name, known in self._told.items() if known is entry]

    def free_name(self, told: str) -> str:
        """The name that a provider is given here: as near to its own as names here are."""
        taken = {entry.name for entry in self.configuration.providers}
        name = _slug(told)
        if name not in taken:
            return name
        return next(numbered for number in range(2, len(taken) + 3) if (numbered := f"{name}-{number}") not in taken)

    def credential(self, place: str, secret: Any, **fields: Any) -> CredentialEntry | None:
        """The credential of a key or of a variable's name; one without a secret for what only stands in a key's place.

        None where there is nothing, or nothing that can be used.
        """
        if not isinstance(secret, str):
            return None
        secret = secret.strip()
        variable = variable_of(secret)
        if variable is not None:
            return CredentialEntry(variable=variable, **fields)
        if holds_variable(secret):
            self.lose(place, "a variable is only part of the key: put the whole key into a variable.")
            return CredentialEntry(stored=True, **fields)
        if _PLACEHOLDER.fullmatch(secret):
            return CredentialEntry(stored=True, **fields)
        return CredentialEntry(secret=secret, **fields)

    def headers(self, place: str, given: Any) -> dict[str, str]:
        """The headers of a mapping that may be a provider's; those that look secret are noted."""
        found: dict[str, str] = {}
        for name, value in given.items() if isinstance(given, dict) else ():
            try:
                validate_headers({name: value})
            except ValidationError as error:
                self.lose(f"{place}.{name}", " ".join(error.messages))
                continue
            if _SECRET_NAME.search(name) or holds_variable(value):
                self.lose(f"{place}.{name}", "this looks like a secret, and a provider's headers are none.")
            else:
                found[name] = value
        return found

    def model(self, provider: ProviderEntry, name: str) -> ModelEntry:
        """A provider's model, made where the provider does not have it yet."""
        for model in provider.models:
            if model.name == name:
                return model
        provider.models.append(ModelEntry(name=name))
        return provider.models[-1]

    def candidate(self, place: str, provider: str, model: str) -> CandidateEntry | None:
        """A model at a provider as a route's candidate; None, and noted, where the file has no such provider."""
        name = provider.strip().lower()
        if name not in self._known:
            self.lose(place, f"there is no provider {provider.strip()!r} in the file.")
            return None
        entry = self._known[name]
        if entry is None:
            self.lose(place, f"the provider {provider.strip()} could not be carried over.")
            return None
        return CandidateEntry(model=f"{entry.name}:{self.model(entry, model.strip()).name}")

    def has_provider(self, name: str) -> bool:
        """Whether the file has a provider of that name."""
        return name.strip().lower() in self._known


def _slug(name: str) -> str:
    """A name as providers have them here: lower case, no spaces."""
    return _UNFIT.sub("-", name.strip().lower()).strip("-._") or "provider"

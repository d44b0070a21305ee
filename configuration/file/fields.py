"""Converts between rows and entries of a file: defaults, lists stored as text, names of other rows."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db.models import Field, Model
from msgspec import UNSET

from access.tags import tags_of
from configuration.file import schema
from providers.claude.known_models import seeded_support

TEXT_LISTS = {
    "synonyms": ", ",
    "tags": ", ",
    "client_tags": ", ",
    "kinds": ", ",
    "allowed_routes": "\n",
    "allowed_networks": "\n",
    "model_names": "\n",
}
"""Fields that hold a list as text -> the separator."""

_TAGS = frozenset({"tags", "client_tags"})

ENTRIES: dict[str, type[schema.Entry]] = {
    "access.Team": schema.TeamEntry,
    "access.Membership": schema.MemberEntry,
    "access.ClientKey": schema.KeyEntry,
    "access.RateLimit": schema.LimitEntry,
    "access.Budget": schema.BudgetEntry,
    "access.Webhook": schema.WebhookEntry,
    "providers.Provider": schema.ProviderEntry,
    "providers.Credential": schema.CredentialEntry,
    "providers.Model": schema.ModelEntry,
    "providers.Price": schema.PriceEntry,
    "routing.Route": schema.RouteEntry,
    "routing.Candidate": schema.CandidateEntry,
    "routing.Alias": schema.AliasEntry,
    "routing.ScenarioRoute": schema.ScenarioEntry,
    "routing.Rule": schema.RuleEntry,
    "routing.Concept": schema.ConceptEntry,
}
"""Model -> the entry type of its rows."""


def listed(field: str, text: str) -> list[str]:
    """The list that a text of TEXT_LISTS holds."""
    if field in _TAGS:
        return list(tags_of(text))
    parts = re.split(r"[\r\n]+" if TEXT_LISTS[field] == "\n" else r"[,\r\n]+", text)
    return [" ".join(part.split()) for part in parts if part.strip()]


def concrete(row: Model | type[Model]) -> dict[str, Field[Any, Any]]:
    """A row's database fields by name."""
    return {field.name: field for field in row._meta.concrete_fields}


def names(row: Model) -> dict[str, str]:
    """Field of a row -> its name in a file."""
    entry = ENTRIES.get(row._meta.label)
    return {} if entry is None else {field.name: field.encode_name for field in msgspec.structs.fields(entry)}


def entry_of(row: Model) -> dict[str, Any]:
    """The fields of a row's entry, without those that have their default. Other rows are given by name."""
    known = concrete(row)
    found: dict[str, Any] = {}
    for attribute in ENTRIES[row._meta.label].__struct_fields__:
        field = known.get(attribute)
        if field is None:
            continue
        value = getattr(row, attribute)
        if value == (seeded_support(found["name"]) if attribute == "supports" else field.get_default()):
            continue
        if attribute in TEXT_LISTS:
            found[attribute] = listed(attribute, value)
        elif isinstance(value, datetime):
            found[attribute] = value.astimezone(UTC)
        else:
            found[attribute] = str(value) if isinstance(value, Model) else value
    return found


def values_of(entry: schema.Entry, kind: type[Model], *, complete: bool) -> dict[str, Any]:
    """The field values that an entry gives its row. Fields that name other rows are left to the caller."""
    values: dict[str, Any] = {}
    for attribute, field in concrete(kind).items():
        value = getattr(entry, attribute, UNSET)
        if attribute not in entry.__struct_fields__ or field.is_relation:
            continue
        if value is UNSET:
            if not complete:
                continue
            value = field.get_default()
        elif attribute in TEXT_LISTS:
            value = TEXT_LISTS[attribute].join(value)
        values[attribute] = value
    return values

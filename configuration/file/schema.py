"""Our own configuration file as types. An attribute has the name of the row's field, the file may call it otherwise.

What a file does not say is UNSET. In a file that is `complete` it has its default then; in any other it stays as it is.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

T = TypeVar("T")
Said: TypeAlias = T | UnsetType


class Entry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One row, or what a file says of it."""


class PriceEntry(Entry):
    """What a model costs for a span of time, in US dollars."""

    valid_from: Said[datetime | None] = UNSET
    valid_until: Said[datetime | None] = UNSET
    input: Said[Decimal | None] = UNSET
    output: Said[Decimal | None] = UNSET
    cache_read: Said[Decimal | None] = UNSET
    cache_write_5m: Said[Decimal | None] = UNSET
    cache_write_1h: Said[Decimal | None] = UNSET
    per_request: Said[Decimal | None] = UNSET
    per_web_search: Said[Decimal | None] = UNSET


class ModelEntry(Entry):
    """A model at its provider. `prices`, where they are said, are all that it has."""

    name: str
    context_window: Said[int | None] = UNSET
    max_output: Said[int | None] = UNSET
    capabilities: Said[list[str]] = UNSET
    transforms: Said[list[Any]] = UNSET
    enabled: Said[bool] = UNSET
    prices: Said[list[PriceEntry]] = UNSET


class CredentialEntry(Entry):
    """A credential: the `variable` that holds the secret, `stored` for one that is kept in the database and is not in
    the file, or the `secret` itself, which `$NAME` turns into a variable."""

    name: str = "default"
    variable: Said[str] = UNSET
    stored: Said[Literal[True]] = UNSET
    secret: Said[str] = UNSET
    position: Said[int] = UNSET
    weight: Said[int] = UNSET
    requests_per_minute: Said[int] = UNSET
    tokens_per_minute: Said[int] = UNSET
    concurrent: Said[int] = UNSET
    enabled: Said[bool] = UNSET

    def __repr__(self) -> str:
        return f"CredentialEntry({self.name!r})"


class ProviderEntry(Entry):
    """A provider with its credentials and models. Those that it has besides stay."""

    name: str
    dialect: Said[str] = UNSET
    profile: Said[str] = UNSET
    platform: Said[str] = UNSET
    options: Said[dict[str, Any]] = UNSET
    base_url: Said[str] = UNSET
    headers: Said[dict[str, str]] = UNSET
    transforms: Said[list[Any]] = UNSET
    is_local: Said[bool] = msgspec.field(default=UNSET, name="local")
    connect_timeout: Said[float] = UNSET
    first_event_timeout: Said[float] = UNSET
    idle_timeout: Said[float] = UNSET
    total_timeout: Said[float] = UNSET
    proxy_url: Said[str] = UNSET
    enabled: Said[bool] = UNSET
    is_demo: Said[bool] = msgspec.field(default=UNSET, name="demo")
    notes: Said[str] = UNSET
    credentials: list[CredentialEntry] = []
    models: list[ModelEntry] = []


class CandidateEntry(Entry):
    """A model of a route's, as `provider:model`."""

    model: str
    weight: Said[int] = UNSET
    enabled: Said[bool] = UNSET


class RouteEntry(Entry):
    """A route. `candidates`, where they are said, are all that it has, in the order in which they are tried."""

    name: str
    display_name: Said[str] = UNSET
    is_default: Said[bool] = msgspec.field(default=UNSET, name="default")
    enabled: Said[bool] = UNSET
    yields: Said[bool] = UNSET
    order: Said[str] = UNSET
    sticky: Said[bool] = UNSET
    attempts: Said[int] = UNSET
    retries: Said[int] = UNSET
    deadline: Said[float] = UNSET
    continues: Said[bool] = UNSET
    hedges: Said[bool] = UNSET
    answers_as: Said[str] = UNSET
    notes: Said[str] = UNSET
    candidates: Said[list[CandidateEntry]] = UNSET


class AliasEntry(Entry):
    """Another name for a route, or for one model at one provider."""

    pattern: str
    target: Said[str] = UNSET
    position: Said[int] = UNSET
    enabled: Said[bool] = UNSET


class ScenarioEntry(Entry):
    """Where requests of a scenario go; without a team it is for everybody."""

    scenario: str
    team: str | None = None
    route: Said[str] = UNSET
    threshold: Said[int | None] = UNSET
    enabled: Said[bool] = UNSET


class RuleEntry(Entry):
    """When a request is like this, it goes there: to a route, or to a scenario's."""

    name: str
    priority: Said[int] = UNSET
    team: Said[str | None] = UNSET
    match: Said[str] = UNSET
    conditions: Said[list[Any]] = UNSET
    route: Said[str | None] = UNSET
    scenario: Said[str] = UNSET
    enabled: Said[bool] = UNSET


class ConceptEntry(Entry):
    """Words of the user's that lead to a route."""

    name: str
    synonyms: Said[list[str]] = UNSET
    route: Said[str] = UNSET
    priority: Said[int] = UNSET
    enabled: Said[bool] = UNSET


class KeyEntry(Entry):
    """A client key. With its hash it goes on working wherever it is imported; without, it can only be changed."""

    name: str
    prefix: Said[str] = UNSET
    hash: Said[str] = UNSET
    allowed_routes: Said[list[str]] = UNSET
    tags: Said[list[str]] = UNSET
    shows_routing: Said[bool] = UNSET
    expires_at: Said[datetime | None] = UNSET
    revoked_at: Said[datetime | None] = UNSET


class TeamEntry(Entry):
    """A team with its client keys. Those that it has besides stay."""

    name: str
    enabled: Said[bool] = UNSET
    notes: Said[str] = UNSET
    keys: list[KeyEntry] = []


class Configuration(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A whole file."""

    version: Literal[1]
    complete: bool = False
    teams: list[TeamEntry] = []
    providers: list[ProviderEntry] = []
    routes: list[RouteEntry] = []
    aliases: list[AliasEntry] = []
    scenarios: list[ScenarioEntry] = []
    rules: list[RuleEntry] = []
    concepts: list[ConceptEntry] = []

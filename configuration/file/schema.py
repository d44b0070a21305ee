"""The configuration file as types. An attribute has the name of the row's field; the file may use another name.

A field that a file leaves out is UNSET: in a `complete` file it then has its default, in any other it stays as it is.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

T = TypeVar("T")
Given: TypeAlias = T | UnsetType
"""A field that a file may leave out."""


class ConfigurationError(Exception):
    """A file that cannot be imported; the text names the place and says what to write."""


class Entry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A row, with the fields that a file gives."""


class PriceEntry(Entry):
    """The prices of a model for a span of time, in US dollars."""

    valid_from: Given[datetime | None] = UNSET
    valid_until: Given[datetime | None] = UNSET
    input: Given[Decimal | None] = UNSET
    output: Given[Decimal | None] = UNSET
    cache_read: Given[Decimal | None] = UNSET
    cache_write_5m: Given[Decimal | None] = UNSET
    cache_write_1h: Given[Decimal | None] = UNSET
    per_request: Given[Decimal | None] = UNSET
    per_web_search: Given[Decimal | None] = UNSET


class ModelEntry(Entry):
    """A model at its provider. `prices`, where given, are all that it has."""

    name: str
    context_window: Given[int | None] = UNSET
    max_output: Given[int | None] = UNSET
    capabilities: Given[list[str]] = UNSET
    transforms: Given[list[Any]] = UNSET
    supports: Given[dict[str, Any] | None] = UNSET
    priced_for: Given[list[str]] = UNSET
    enabled: Given[bool] = UNSET
    prices: Given[list[PriceEntry]] = UNSET


class CredentialEntry(Entry):
    """A credential: the `variable` that holds the secret, `stored` for a secret that is in the database and not in the
    file, or the `secret` itself; `secret: $NAME` means a variable."""

    name: str = "default"
    variable: Given[str] = UNSET
    stored: Given[Literal[True]] = UNSET
    secret: Given[str] = UNSET
    position: Given[int] = UNSET
    weight: Given[int] = UNSET
    requests_per_minute: Given[int] = UNSET
    tokens_per_minute: Given[int] = UNSET
    concurrent: Given[int] = UNSET
    enabled: Given[bool] = UNSET

    def __repr__(self) -> str:
        return f"CredentialEntry({self.name!r})"


class HeaderEntry(Entry):
    """A header of a provider: its `value`, which is encrypted unless it is `public`, or `stored` for a value that is in
    the database and not in the file."""

    value: Given[str] = UNSET
    public: Given[bool] = UNSET
    stored: Given[Literal[True]] = UNSET

    def __repr__(self) -> str:
        return "HeaderEntry()"


class ProviderEntry(Entry):
    """A provider with its credentials and models. Others that it has are not deleted."""

    name: str
    dialect: Given[str] = UNSET
    profile: Given[str] = UNSET
    platform: Given[str] = UNSET
    options: Given[dict[str, Any]] = UNSET
    base_url: Given[str] = UNSET
    headers: Given[dict[str, str | HeaderEntry]] = UNSET
    client_fields: Given[list[str]] = UNSET
    transforms: Given[list[Any]] = UNSET
    is_local: Given[bool] = msgspec.field(default=UNSET, name="local")
    connect_timeout: Given[float] = UNSET
    first_event_timeout: Given[float] = UNSET
    idle_timeout: Given[float] = UNSET
    total_timeout: Given[float] = UNSET
    proxy_url: Given[str] = UNSET
    enabled: Given[bool] = UNSET
    is_demo: Given[bool] = msgspec.field(default=UNSET, name="demo")
    notes: Given[str] = UNSET
    credentials: list[CredentialEntry] = []
    models: list[ModelEntry] = []


class CandidateEntry(Entry):
    """A model that a route may use, as `provider:model`."""

    model: str
    weight: Given[int] = UNSET
    enabled: Given[bool] = UNSET


class RouteEntry(Entry):
    """A route. `candidates`, where given, are all that it has, in the order in which they are tried."""

    name: str
    display_name: Given[str] = UNSET
    is_default: Given[bool] = msgspec.field(default=UNSET, name="default")
    enabled: Given[bool] = UNSET
    yields: Given[bool] = UNSET
    order: Given[str] = UNSET
    sticky: Given[bool] = UNSET
    attempts: Given[int] = UNSET
    retries: Given[int] = UNSET
    deadline: Given[float] = UNSET
    continues: Given[bool] = UNSET
    hedges: Given[bool] = UNSET
    answers_as: Given[str] = UNSET
    notes: Given[str] = UNSET
    candidates: Given[list[CandidateEntry]] = UNSET


class AliasEntry(Entry):
    """Another name for a route, or for one model at one provider."""

    pattern: str
    target: Given[str] = UNSET
    position: Given[int] = UNSET
    enabled: Given[bool] = UNSET


class ScenarioEntry(Entry):
    """The route of a scenario's requests; without a team it applies to every team."""

    scenario: str
    team: str | None = None
    route: Given[str] = UNSET
    threshold: Given[int | None] = UNSET
    enabled: Given[bool] = UNSET


class RuleEntry(Entry):
    """Conditions, and the route or scenario of the requests that meet them."""

    name: str
    priority: Given[int] = UNSET
    team: Given[str | None] = UNSET
    match: Given[str] = UNSET
    conditions: Given[list[Any]] = UNSET
    route: Given[str | None] = UNSET
    scenario: Given[str] = UNSET
    enabled: Given[bool] = UNSET


class ConceptEntry(Entry):
    """Words in a prompt that select a route."""

    name: str
    synonyms: Given[list[str]] = UNSET
    route: Given[str] = UNSET
    priority: Given[int] = UNSET
    enabled: Given[bool] = UNSET


class LimitEntry(Entry):
    """A rate limit of what it stands with: a person, a team, each member of a team, or a client key."""

    measure: str
    per: Given[str] = UNSET
    most: Given[int] = UNSET
    leads_may_change: Given[bool] = UNSET


class BudgetEntry(Entry):
    """A budget of what it stands with: a person, a team, each member of a team, or a client key."""

    amount: Decimal
    period: Given[Literal["day", "week", "month", "total"]] = UNSET
    week_starts: Given[int] = UNSET
    model_names: Given[list[str]] = msgspec.field(default=UNSET, name="models")
    hard: Given[bool] = UNSET
    enabled: Given[bool] = UNSET
    leads_may_change: Given[bool] = UNSET


class KeyEntry(Entry):
    """A client key. With its hash it works wherever it is imported; without, only an existing key can be changed.
    `limits` and `budgets`, where given, are all that it has."""

    name: str
    prefix: Given[str] = UNSET
    hash: Given[str] = UNSET
    imported_from: Given[str] = UNSET
    imported_hash: Given[str | None] = UNSET
    previous_prefix: Given[str] = UNSET
    previous_hash: Given[str | None] = UNSET
    previous_until: Given[datetime | None] = UNSET
    owner: Given[str | None] = UNSET
    allowed_routes: Given[list[str]] = UNSET
    allowed_networks: Given[list[str]] = UNSET
    tags: Given[list[str]] = UNSET
    client_tags: Given[list[str]] = UNSET
    client_tags_count: Given[bool] = UNSET
    shows_routing: Given[bool] = UNSET
    expires_at: Given[datetime | None] = UNSET
    disabled_at: Given[datetime | None] = UNSET
    disabled_by: Given[str | None] = UNSET
    revoked_at: Given[datetime | None] = UNSET
    limits: Given[list[LimitEntry]] = UNSET
    budgets: Given[list[BudgetEntry]] = UNSET

    def __repr__(self) -> str:
        return f"KeyEntry({self.name!r})"


class MemberEntry(Entry):
    """A person in a team, by username."""

    user: str
    role: Given[str] = UNSET


class TeamEntry(Entry):
    """A team with its members and client keys. Others that it has are not deleted. `limits` and `budgets`, and those of
    each member, are all that it has, where they are given."""

    name: str
    enabled: Given[bool] = UNSET
    time_zone: Given[str] = UNSET
    cost_centre: Given[str] = UNSET
    contact: Given[str] = UNSET
    notes: Given[str] = UNSET
    limits: Given[list[LimitEntry]] = UNSET
    member_limits: Given[list[LimitEntry]] = UNSET
    budgets: Given[list[BudgetEntry]] = UNSET
    member_budgets: Given[list[BudgetEntry]] = UNSET
    members: list[MemberEntry] = []
    keys: list[KeyEntry] = []


class PersonEntry(Entry):
    """An account of a person with the role for the whole site, without password and permissions. An import creates it
    where it is missing; of one that exists it writes limits and budgets alone, which are all that they have, where
    given."""

    username: str
    email: Given[str] = UNSET
    first_name: Given[str] = UNSET
    last_name: Given[str] = UNSET
    is_active: Given[bool] = msgspec.field(default=UNSET, name="active")
    role: Given[Literal["owner", "administrator", "auditor"]] = UNSET
    limits: Given[list[LimitEntry]] = UNSET
    budgets: Given[list[BudgetEntry]] = UNSET


class WebhookEntry(Entry):
    """A webhook; its secret is in the database and never in a file, which `stored` says."""

    name: str
    url: Given[str] = UNSET
    is_local: Given[bool] = msgspec.field(default=UNSET, name="local")
    kinds: Given[list[str]] = UNSET
    stored: Given[Literal[True]] = UNSET
    enabled: Given[bool] = UNSET


class Configuration(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A configuration file."""

    version: Literal[1]
    complete: bool = False
    people: Given[list[PersonEntry]] = UNSET
    """UNSET in a file that says nothing about people, nor whose a key is."""
    teams: list[TeamEntry] = []
    providers: list[ProviderEntry] = []
    routes: list[RouteEntry] = []
    aliases: list[AliasEntry] = []
    scenarios: list[ScenarioEntry] = []
    rules: list[RuleEntry] = []
    concepts: list[ConceptEntry] = []
    webhooks: list[WebhookEntry] = []

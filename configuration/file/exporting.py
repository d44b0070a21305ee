"""Exports the configuration as a file without secrets; the same rows give the same bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from django.db.models import Model as Row

from access.models import ClientKey, Team
from configuration.file import schema, yaml_text
from configuration.file.fields import entry_of
from providers.credentials.headers import PUBLIC
from providers.models import Credential, Model, Provider
from providers.pricing.prices import Price
from routing.models import Alias, Candidate, Concept, Route, Rule, ScenarioRoute

R = TypeVar("R", bound=Row)

_HEADER = """\
# The configuration of the gateway, written by `manage.py export_config`, read by `manage.py import_config`.
# It holds no secrets: a credential names its environment variable, or is `stored: true`, which means that its secret
# is in the database and has to be entered again in a new one. docs/configuration.md describes every part.
"""
_WITH_KEYS = """\
# It holds the hashes of client keys: a gateway that imports it accepts these keys.
"""


def export_text(*, with_keys: bool = False) -> str:
    """The configuration as YAML; `with_keys` adds client keys with their hashes."""
    header = _HEADER + (_WITH_KEYS if with_keys else "")
    entries = msgspec.to_builtins(configuration(with_keys=with_keys), builtin_types=(Decimal,))
    sections = {name: value for name, value in entries.items() if value != []}
    return header + "\n".join(yaml_text.dump({name: value}) for name, value in sections.items())


def configuration(*, with_keys: bool = False) -> schema.Configuration:
    """The configuration as entries."""
    rules = _sorted(Rule.objects.select_related("team", "route"), lambda row: (-row.priority, row.name))
    concepts = _sorted(Concept.objects.select_related("route"), lambda row: (-row.priority, row.name))
    return schema.Configuration(
        version=1,
        complete=True,
        teams=_teams(with_keys),
        providers=_providers(),
        routes=_routes(),
        aliases=_entries(Alias.objects.order_by("position", "id"), schema.AliasEntry),
        scenarios=_scenarios(),
        rules=_entries(rules, schema.RuleEntry),
        concepts=_entries(concepts, schema.ConceptEntry),
    )


def _teams(with_keys: bool) -> list[schema.TeamEntry]:
    keys = _grouped(ClientKey.objects.all() if with_keys else (), "team_id")
    return [
        schema.TeamEntry(
            **entry_of(team),
            keys=_entries(_sorted(keys[team.pk], lambda key: key.name), schema.KeyEntry),
        )
        for team in _sorted(Team.objects.all(), lambda team: team.name)
    ]


def _providers() -> list[schema.ProviderEntry]:
    credentials = _grouped(Credential.objects.order_by("position", "id"), "provider_id")
    models = _grouped(Model.objects.all(), "provider_id")
    prices = _grouped(Price.objects.all(), "model_id")
    return [
        schema.ProviderEntry(
            **_provider_fields(provider),
            credentials=[_credential(row) for row in credentials[provider.pk]],
            models=[_model(row, prices[row.pk]) for row in _sorted(models[provider.pk], lambda model: model.name)],
        )
        for provider in _sorted(Provider.objects.all(), lambda provider: provider.name)
    ]


def _provider_fields(row: Provider) -> dict[str, Any]:
    fields = entry_of(row)
    headers: dict[str, str | schema.HeaderEntry] = {
        name: value if name.lower() in PUBLIC else schema.HeaderEntry(value=value, public=True)
        for name, value in row.headers.items()
    }
    headers |= {name: schema.HeaderEntry(stored=True) for name in row.secret_headers}
    if headers:
        fields["headers"] = headers
    return fields


def _credential(row: Credential) -> schema.CredentialEntry:
    fields = entry_of(row)
    if row.source == Credential.Source.STORED:
        fields.pop("variable", None)
        fields["stored"] = True
    return schema.CredentialEntry(**{"name": row.name, **fields})


def _model(row: Model, prices: list[Price]) -> schema.ModelEntry:
    fields = entry_of(row)
    if prices:
        # Those without a start first.
        prices = _sorted(prices, lambda price: price.valid_from.timestamp() if price.valid_from else float("-inf"))
        fields["prices"] = _entries(prices, schema.PriceEntry)
    return schema.ModelEntry(**fields)


def _routes() -> list[schema.RouteEntry]:
    candidates = _grouped(Candidate.objects.select_related("model__provider").order_by("position", "id"), "route_id")
    return [
        schema.RouteEntry(**entry_of(route), candidates=[_candidate(row) for row in candidates[route.pk]])
        for route in _sorted(Route.objects.all(), lambda route: route.name)
    ]


def _candidate(row: Candidate) -> schema.CandidateEntry:
    return schema.CandidateEntry(**{**entry_of(row), "model": model_name(row.model)})


def model_name(model: Model) -> str:
    """The name by which a candidate refers to a model."""
    return f"{model.provider.name}:{model.name}"


def _scenarios() -> list[schema.ScenarioEntry]:
    order = {name: number for number, name in enumerate(ScenarioRoute.Scenario.values)}
    rows = ScenarioRoute.objects.select_related("team", "route")
    by_order = _sorted(rows, lambda row: (order.get(row.scenario, 0), row.team.name if row.team else ""))
    return _entries(by_order, schema.ScenarioEntry)


E = TypeVar("E", bound=schema.Entry)


def _entries(rows: Iterable[Any], kind: type[E]) -> list[E]:
    return [kind(**entry_of(row)) for row in rows]


def _sorted(rows: Iterable[R], key: Callable[[R], Any]) -> list[R]:
    # Not in the database: SQLite and PostgreSQL collate differently.
    return sorted(rows, key=key)


def _grouped(rows: Iterable[R], attribute: str) -> dict[int, list[R]]:
    found: dict[int, list[R]] = defaultdict(list)
    for row in rows:
        found[getattr(row, attribute)].append(row)
    return found

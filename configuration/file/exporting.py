"""Exports the configuration as a file without secrets; the same rows give the same bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from django.contrib.auth.models import User
from django.db.models import Model as Row
from msgspec import UNSET

from access.models import Budget, ClientKey, Membership, RateLimit, Team, Webhook
from access.roles.giving import given_role
from configuration.file import schema, yaml_text
from configuration.file.fields import entry_of
from providers.credentials.headers import PUBLIC
from providers.models import Credential, Model, Provider
from providers.pricing.prices import Price
from routing.models import Alias, Candidate, Concept, Route, Rule, ScenarioRoute

R = TypeVar("R", bound=Row)

_HEADER = """\
# The configuration of the gateway, written by `./gateway export_config`, read by `./gateway import_config`.
# It holds no secrets: a credential names its environment variable, or is `stored: true`, which means that its secret
# is in the database and has to be entered again in a new one. docs/configuration.md describes every part.
"""
_WITH_KEYS = """\
# It holds the hashes of client keys: a gateway that imports it accepts these keys.
"""
_WITH_PEOPLE = """\
# It names people: their accounts and roles, without passwords, their teams, and whose a client key is.
"""
_LEFT_OUT = """\
# Client keys that belong to people: left out. `export_config --with-keys --people` includes them.
"""


def export_text(*, with_keys: bool = False, with_people: bool = False) -> str:
    """The configuration as YAML; `with_keys` adds client keys with their hashes, `with_people` people.

    Without people those keys are left out that have an owner: they would come back as keys of nobody.
    """
    header = _HEADER + (_WITH_KEYS if with_keys else "") + (_WITH_PEOPLE if with_people else "")
    if with_keys and not with_people and ClientKey.objects.exclude(owner=None).exists():
        header += _LEFT_OUT
    exported = configuration(with_keys=with_keys, with_people=with_people)
    entries = msgspec.to_builtins(exported, builtin_types=(Decimal,))
    sections = {name: value for name, value in entries.items() if value != []}
    return header + "\n".join(yaml_text.dump({name: value}) for name, value in sections.items())


def configuration(*, with_keys: bool = False, with_people: bool = False) -> schema.Configuration:
    """The configuration as entries."""
    rules = _sorted(Rule.objects.select_related("team", "route"), lambda row: (-row.priority, row.name))
    concepts = _sorted(Concept.objects.select_related("route"), lambda row: (-row.priority, row.name))
    return schema.Configuration(
        version=1,
        complete=True,
        people=_people() if with_people else UNSET,
        teams=_teams(with_keys, with_people),
        providers=_providers(),
        routes=_routes(),
        aliases=_entries(Alias.objects.order_by("position", "id"), schema.AliasEntry),
        scenarios=_scenarios(),
        rules=_entries(rules, schema.RuleEntry),
        concepts=_entries(concepts, schema.ConceptEntry),
        webhooks=_webhooks(),
    )


def _people() -> list[schema.PersonEntry]:
    people = _sorted(User.objects.select_related("site_role"), lambda user: user.username)
    limits, budgets = _limits("user"), _budgets("user")
    return [
        schema.PersonEntry(
            **person_fields(user), limits=limits.get(user.pk, UNSET), budgets=budgets.get(user.pk, UNSET)
        )
        for user in people
    ]


def person_fields(user: User) -> dict[str, Any]:
    """The fields of a person's entry, without those that have their default."""
    own = set(schema.PersonEntry.__struct_fields__) - {"role", "limits", "budgets"}
    fields = {name: getattr(user, name) for name in schema.PersonEntry.__struct_fields__ if name in own}
    role = given_role(user)
    fields["role"] = "" if role is None else role.value
    return {name: value for name, value in fields.items() if value not in ("", True)}


def _limits(whom: str) -> dict[int, list[schema.LimitEntry]]:
    rows = _sorted(RateLimit.objects.exclude(**{whom: None}), lambda row: (row.measure, row.per))
    return {pk: _entries(some, schema.LimitEntry) for pk, some in _grouped(rows, f"{whom}_id").items()}


def _budgets(whom: str) -> dict[int, list[schema.BudgetEntry]]:
    rows = Budget.objects.exclude(**{whom: None}).order_by("id")
    return {pk: _entries(some, schema.BudgetEntry) for pk, some in _grouped(rows, f"{whom}_id").items()}


def _teams(with_keys: bool, with_people: bool) -> list[schema.TeamEntry]:
    rows = ClientKey.objects.select_related("owner", "disabled_by")
    if not with_people:
        rows = rows.filter(owner=None)
    keys = _grouped(rows if with_keys else (), "team_id")
    members = _grouped(Membership.objects.select_related("user") if with_people else (), "team_id")
    limits, member_limits = _limits("team"), _limits("members_of")
    budgets, member_budgets = _budgets("team"), _budgets("members_of")
    of_keys: dict[str, dict[int, Any]] = {"limits": _limits("key"), "budgets": _budgets("key")}
    return [
        schema.TeamEntry(
            **entry_of(team),
            limits=limits.get(team.pk, UNSET),
            member_limits=member_limits.get(team.pk, UNSET),
            budgets=budgets.get(team.pk, UNSET),
            member_budgets=member_budgets.get(team.pk, UNSET),
            members=_entries(_sorted(members[team.pk], lambda member: member.user.username), schema.MemberEntry),
            keys=[_key(key, of_keys, with_people) for key in _sorted(keys[team.pk], lambda key: key.name)],
        )
        for team in _sorted(Team.objects.all(), lambda team: team.name)
    ]


def _key(row: ClientKey, allowances: dict[str, dict[int, Any]], with_people: bool) -> schema.KeyEntry:
    fields = entry_of(row)
    fields |= {name: of_keys[row.pk] for name, of_keys in allowances.items() if row.pk in of_keys}
    if not with_people:
        fields.pop("disabled_by", None)
    return schema.KeyEntry(**fields)


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


def _webhooks() -> list[schema.WebhookEntry]:
    rows = _sorted(Webhook.objects.all(), lambda row: row.name)
    return [schema.WebhookEntry(**entry_of(row), stored=True) for row in rows]


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

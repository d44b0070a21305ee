"""Rows of all configuration in which no field has its default, drawn by hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User
from django.db import models
from hypothesis import strategies as st

from access.models import Budget, ClientKey, Membership, RateLimit, Team
from providers.client_fields.protocol import PRICED
from providers.config import CAPABILITIES
from providers.credentials.binding import destination_of
from providers.models import Credential, Model, Price, Provider
from routing.loading.revision import WATCHED
from routing.models import Alias, Candidate, Concept, Route, Rule, ScenarioRoute
from usage.money import DollarsField

Rows = dict[str, list[Any]]
"""By the label of the model."""

NOT_LOADED = {"access.SiteRole"}
"""What decides about pages alone, and so not about requests."""
_LOADED = sorted(set(WATCHED) - NOT_LOADED)
SWITCHES = sorted(
    set(_LOADED) - {"access.Team", "access.Membership", "access.ClientKey", "access.RateLimit", "providers.Price"}
)
"""Models whose rows are left out while `enabled` is off."""

_words = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=8)
_hosts = _words.map(lambda word: f"https://{word}.example.com/v1")
_transforms = st.integers(1, 9999).map(lambda limit: [{"name": "maxtoken", "options": {"limit": limit}}])
_SPECIAL: dict[tuple[str, str], st.SearchStrategy[Any]] = {
    ("access.ClientKey", "hash"): st.text("0123456789abcdef", min_size=64, max_size=64),
    ("access.ClientKey", "imported_hash"): st.text("0123456789abcdef", min_size=64, max_size=64),
    ("access.ClientKey", "previous_hash"): st.text("0123456789abcdef", min_size=64, max_size=64),
    ("access.ClientKey", "allowed_networks"): st.integers(0, 255).map("10.{}.0.0/16\n2001:db8::/32".format),
    ("access.ClientKey", "allowed_routes"): st.lists(_words, min_size=1, unique=True).map("\n".join),
    ("access.ClientKey", "tags"): st.lists(_words, min_size=1, max_size=10, unique=True).map(", ".join),
    ("access.ClientKey", "client_tags"): st.lists(_words.map("{}-*".format), min_size=1, max_size=10, unique=True).map(
        ", ".join
    ),
    ("access.Team", "time_zone"): st.sampled_from(["Asia/Tokyo", "America/New_York"]),
    # Requests at the same time have no period, and all else has one.
    ("access.RateLimit", "measure"): st.sampled_from(["requests", "input_tokens", "models"]),
    ("access.RateLimit", "per"): st.just("day"),
    ("access.Budget", "amount"): st.integers(1, 10**8).map(lambda cents: Decimal(cents) / 100),
    ("access.Budget", "week_starts"): st.integers(1, 6),
    ("access.Budget", "model_names"): st.lists(_words, min_size=1, unique=True).map("\n".join),
    ("providers.Provider", "dialect"): st.sampled_from(["openai_chat", "openai_responses"]),
    ("providers.Provider", "platform"): st.just("azure"),
    ("providers.Provider", "options"): _words.map(lambda word: {"api_version": word}),
    ("providers.Provider", "base_url"): _hosts,
    ("providers.Provider", "proxy_url"): _hosts,
    ("providers.Provider", "headers"): st.dictionaries(_words.map("x-{}".format), _words, min_size=1),
    ("providers.Provider", "secret_headers"): st.dictionaries(_words.map("y-{}".format), _words, min_size=1).map(
        lambda values: {name: {"plain": value, "bound_to": ""} for name, value in values.items()}
    ),
    ("providers.Provider", "transforms"): _transforms,
    ("providers.Credential", "variable"): _words.map(lambda word: f"{word.upper()}_API_KEY"),
    # Written when the row is saved.
    ("providers.Credential", "bound_to"): st.just(""),
    ("providers.Provider", "client_fields"): st.lists(_words.map("top_{}a".format), min_size=1, unique=True),
    ("providers.Model", "transforms"): _transforms,
    ("providers.Model", "priced_for"): st.lists(st.sampled_from(sorted(PRICED)), min_size=1, unique=True),
    ("providers.Model", "supports"): st.lists(st.sampled_from(["low", "medium", "high"]), unique=True).map(
        lambda efforts: {"thinking": ["enabled"], "efforts": efforts, "prefill": False}
    ),
    ("providers.Model", "capabilities"): st.lists(st.sampled_from(sorted(CAPABILITIES)), min_size=1, unique=True),
    ("routing.Rule", "conditions"): _words.map(lambda word: [{"field": "model", "operator": "is", "value": word}]),
    ("routing.Concept", "synonyms"): st.lists(_words, min_size=1, unique=True).map(",".join),
    ("routing.Concept", "priority"): st.integers(0, 100).filter(lambda number: number != 50),
}


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """For each kind of row of configuration, a value for each of its own fields."""
    return {
        label: {
            field.attname: draw(_values(label, field))
            for field in apps.get_model(label)._meta.concrete_fields
            if not field.primary_key
            and not field.is_relation
            and not (field.attname == "enabled" and label in SWITCHES)
        }
        for label in _LOADED
    }


def make(values: dict[str, dict[str, Any]], secret: str) -> Rows:
    """The rows of these values. Where two fields cannot both be set, there are two rows."""
    team = Team.objects.create(**values["access.Team"])
    owner = User.objects.create_user("owner")
    membership = Membership.objects.create(team=team, user=owner, **values["access.Membership"])
    key = ClientKey.objects.create(team=team, owner=owner, **values["access.ClientKey"])
    provider = Provider(**values["providers.Provider"])
    provider.secret_headers = {
        name: {**stored, "bound_to": destination_of(provider)} for name, stored in provider.secret_headers.items()
    }
    provider.save()
    of_environment = Credential.objects.create(provider=provider, **values["providers.Credential"])
    stored = Credential(provider=provider, **values["providers.Credential"])
    stored.name, stored.source = f"{stored.name}-stored", Credential.Source.STORED
    stored.set_secret(secret)
    stored.save()
    model = Model.objects.create(provider=provider, **values["providers.Model"])
    price = Price.objects.create(model=model, **values["providers.Price"])
    route = Route.objects.create(**values["routing.Route"])
    rule = values["routing.Rule"]

    def _inside(label: str, whom: str) -> dict[str, Any]:
        """Leads change nothing that binds more than what is inside their team."""
        return {**values[label], "leads_may_change": whom == "key"}

    return {
        "access.Team": [team],
        "access.Membership": [membership],
        "access.ClientKey": [key],
        "access.RateLimit": [
            RateLimit.objects.create(**{whom: bound}, **_inside("access.RateLimit", whom))
            for whom, bound in {"key": key, "user": owner, "team": team}.items()
        ],
        "access.Budget": [
            Budget.objects.create(**{whom: bound}, **_inside("access.Budget", whom))
            for whom, bound in {"key": key, "user": owner, "team": team}.items()
        ],
        "providers.Provider": [provider],
        "providers.Credential": [of_environment, stored],
        "providers.Model": [model],
        "providers.Price": [price],
        "routing.Route": [route],
        "routing.Candidate": [Candidate.objects.create(route=route, model=model, **values["routing.Candidate"])],
        "routing.Alias": [Alias.objects.create(**values["routing.Alias"])],
        "routing.ScenarioRoute": [
            ScenarioRoute.objects.create(route=route, team=team, **values["routing.ScenarioRoute"])
        ],
        "routing.Rule": [
            Rule.objects.create(route=route, team=team, **{**rule, "scenario": ""}),
            Rule.objects.create(team=team, **{**rule, "name": f"{rule['name']}-scenario"}),
        ],
        "routing.Concept": [Concept.objects.create(route=route, **values["routing.Concept"])],
    }


def _values(label: str, field: Any) -> st.SearchStrategy[Any]:
    special = _SPECIAL.get((label, field.attname))
    if special is not None:
        return special
    default = field.get_default()
    if field.choices:
        return st.sampled_from([value for value, _ in field.flatchoices if value not in ("", default)])
    if isinstance(field, models.BooleanField):
        return st.just(not default)
    if isinstance(field, DollarsField):
        return st.decimals(0, 1000, places=6, allow_nan=False)
    if isinstance(field, models.DateTimeField):
        first, last = (2020, 2029) if field.attname != "valid_until" else (2030, 2039)
        return st.datetimes(datetime(first, 1, 1), datetime(last, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
    if isinstance(field, models.FloatField):
        return st.floats(0.5, 5000).filter(lambda number: number != default)
    if isinstance(field, models.IntegerField):
        return st.integers(2, 30_000).filter(lambda number: number != default)
    if isinstance(field, models.CharField | models.TextField):
        return _words.map(lambda word: word[: field.max_length]).filter(lambda word: word != default)
    raise NotImplementedError(f"say in _SPECIAL what values {label}.{field.attname} may have")

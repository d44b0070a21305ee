"""Configuration for the tests against running servers: rows are committed for real, no name comes twice."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from access.keys import new_key
from access.models import ClientKey, Team
from providers.dialects import DIALECTS
from providers.models import Credential, Model, Provider
from providers.pricing.prices import Price
from routing.models import Candidate, Route
from tests.harness.speakers import SPEAKERS

_numbers = itertools.count(1)

PRICES = {
    "input": Decimal("3"),
    "output": Decimal("15"),
    "cache_read": Decimal("0.3"),
    "cache_write_5m": Decimal("3.75"),
}


def unique(word: str) -> str:
    """A name that no other row of this run has."""
    return f"{word}-{next(_numbers)}"


def make_provider(dialect: str, base_url: str, *, secret: str = "sk-upstream-secret-0001", **fields: Any) -> Provider:
    """A provider with one stored credential (none if `secret` is empty)."""
    provider = Provider.objects.create(
        **{
            "name": unique(dialect.replace("_", "-")),
            "dialect": dialect,
            "base_url": base_url,
            "is_local": True,
            **fields,
        }
    )
    if secret:
        credential = Credential(provider=provider, name="main")
        credential.set_secret(secret)
        credential.save()
    return provider


def make_model(provider: Provider, prices: Mapping[str, Decimal | None] = PRICES, **fields: Any) -> Model:
    """A model with prices that hold always; none if `prices` is empty."""
    model = Model.objects.create(provider=provider, **{"name": unique("model"), **fields})
    if prices:
        Price.objects.create(model=model, **prices)
    return model


def make_route(models: Sequence[Model], **fields: Any) -> Route:
    """A route whose candidates are `models`, in that order."""
    route = Route.objects.create(**{"name": unique("route"), **fields})
    for position, model in enumerate(models):
        Candidate.objects.create(route=route, model=model, position=position)
    return route


@dataclass(frozen=True)
class Key:
    """A client key with its secret."""

    row: ClientKey
    secret: str


def make_key(team: Team | None = None, **fields: Any) -> Key:
    """A client key, of a new team if none is given."""
    team = team or Team.objects.create(name=unique("team"))
    new = new_key()
    row = ClientKey.objects.create(team=team, prefix=new.prefix, hash=new.hash, **{"name": unique("key"), **fields})
    return Key(row, new.secret)


@dataclass(frozen=True)
class Standing:
    """The configuration that most tests share: one route per way a request can go. See `make_standing`."""

    key: Key
    routes: dict[str, Route]
    models: dict[str, Model]


def make_standing(upstream_url: str) -> Standing:
    """Routes by name: every dialect, chains of two candidates, and some with one short time-out each.

    The first path segment of a provider's base URL is its name here, so that a script can tell them apart. Only one
    time-out is short, so that a busy machine does not make another one come first.
    """
    providers = {
        **{name: make_provider(name, f"{upstream_url}/{name}{SPEAKERS[name].prefix}") for name in DIALECTS},
        "first": make_provider("openai_chat", f"{upstream_url}/first/api/v1"),
        "second": make_provider("openai_chat", f"{upstream_url}/second/api/v1"),
        "third": make_provider("anthropic", f"{upstream_url}/third"),
        "begins": make_provider("openai_chat", f"{upstream_url}/begins/v1", first_event_timeout=0.4),
        "begins_claude": make_provider("anthropic", f"{upstream_url}/begins_claude", first_event_timeout=0.4),
        "goes_on": make_provider("openai_chat", f"{upstream_url}/goes_on/v1", idle_timeout=0.4),
        "goes_on_claude": make_provider("anthropic", f"{upstream_url}/goes_on_claude", idle_timeout=0.4),
        "ends": make_provider("openai_chat", f"{upstream_url}/ends/v1", total_timeout=1),
    }
    models = {name: make_model(provider) for name, provider in providers.items()}
    chains = {
        **{name: [name] for name in providers},
        "chain": ["first", "second"],
        "from_claude": ["third", "first"],
        "to_claude": ["first", "third"],
        "begins_chain": ["begins", "second"],
    }
    routes = {
        name: make_route([models[link] for link in links], name=unique(name.replace("_", "-")))
        for name, links in chains.items()
    }
    return Standing(make_key(), routes, models)

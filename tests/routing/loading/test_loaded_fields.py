"""From row to snapshot: every field of every row of configuration stands in the struct that is loaded of it.

A field that a model gets and that loading forgets fails here: it must be read under its own name, or be in a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

import msgspec
import pytest
from django.apps import apps
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings

from providers.credentials.headers import opened
from providers.models import Credential
from routing.loading.load import load_snapshot
from routing.loading.revision import WATCHED
from routing.snapshot import Snapshot
from tests.routing import filled
from usage.money import per_token, to_pico

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

# Each example is rolled back by itself; what the fixtures set up holds for all of them.
# Nothing is made smaller: no value matters but that it is another one, and each try costs a configuration.
EXAMPLES = settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
PLAIN, OF_ENVIRONMENT = "the secret that is stored", "the secret of the environment"


def _one(structs: Iterable[Any], **fields: Any) -> Any:
    for struct in structs:
        if all(getattr(struct, name) == value for name, value in fields.items()):
            return struct
    raise LookupError(fields)


def _plain(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


_STRUCTS: dict[str, Callable[[Snapshot, Any], Any]] = {
    "access.Team": lambda loaded, row: _one(loaded.keys.values(), team_id=row.pk),
    "access.Membership": lambda loaded, row: _one(loaded.keys.values(), owner_id=row.user_id, owner_end=None),
    "access.ClientKey": lambda loaded, row: loaded.keys[row.hash],
    "access.RateLimit": lambda loaded, row: _one(
        (limit for key in loaded.keys.values() for limit in key.limits), id=row.pk
    ),
    "access.Budget": lambda loaded, row: _one(
        (budget for key in loaded.keys.values() for budget in key.budgets), id=row.pk
    ),
    "providers.Provider": lambda loaded, row: loaded.providers[row.pk],
    "providers.Credential": lambda loaded, row: _one(loaded.providers[row.provider_id].credentials, id=row.pk),
    "providers.Model": lambda loaded, row: loaded.models[row.pk],
    "providers.Price": lambda loaded, row: _one(loaded.models[row.model_id].prices, id=row.pk),
    "routing.Route": lambda loaded, row: loaded.routes[row.name],
    "routing.Candidate": lambda loaded, row: _one(loaded.routes[row.route.name].candidates, id=row.pk),
    "routing.Alias": lambda loaded, row: _one(loaded.aliases.aliases, pattern=row.pattern),
    "routing.ScenarioRoute": lambda loaded, row: loaded.scenarios[row.scenario, row.team_id],
    "routing.Rule": lambda loaded, row: _one(loaded.rules.rules, id=row.pk),
    "routing.Concept": lambda loaded, row: _one(
        (found.concept for found in loaded.concepts.find(row.name)), name=row.name
    ),
}
"""What is loaded of a row; LookupError where nothing is."""

_NOT_ROUTINGS: dict[str, dict[str, str]] = {
    "access.Team": {
        "notes": "for administrators",
        "created_at": "for administrators",
        "cost_centre": "for statements",
        "contact": "for statements",
    },
    "access.RateLimit": {
        **dict.fromkeys(("key_id", "user_id", "team_id", "members_of_id"), "it stands with whom it binds"),
        "created_at": "for administrators",
    },
    "access.Budget": {
        **dict.fromkeys(("key_id", "user_id", "team_id", "members_of_id"), "see the tests of what binds a key"),
        "leads_may_change": "it decides about pages alone",
        "enabled": "see the test of what is switched off",
    },
    "access.Membership": {
        "id": "nothing points to a membership",
        "role": "it decides about pages alone",
        "created_at": "for administrators",
    },
    "access.ClientKey": {
        "created_at": "for administrators",
        "disabled_by_id": "it decides who may enable the key",
        "imported_from": "see the tests of formats",
        "imported_hash": "for another import",
        "previous_prefix": "see the tests of rotation",
        "previous_hash": "see the tests of rotation",
        "previous_until": "see the tests of rotation",
    },
    "providers.Provider": {"notes": "for administrators", "created_at": "for administrators"},
    "providers.Credential": {
        "last_four": "to recognise it by in the admin",
        "bound_to": "a credential that is bound to another address is not loaded",
        "kept_variable": "it allows a variable that is on no list",
        "created_at": "for administrators",
        "provider_id": "it stands among this provider's",
        "enabled": "see the test of what is switched off",
    },
    "providers.Model": {"created_at": "for administrators"},
    "providers.Price": {
        "model_id": "it stands among this model's",
        "source": "for administrators",
        "set_at": "for administrators",
    },
    "routing.Route": {"notes": "for administrators", "is_default": "see the test of the default route"},
    "routing.Candidate": {"route_id": "it stands among this route's", "position": "see the test of orders"},
    "routing.Alias": {"id": "nothing points to an alias", "position": "see the test of orders"},
    "routing.ScenarioRoute": {
        "id": "nothing points to a scenario",
        "scenario": "it is found by it",
        "team_id": "it is found by it",
    },
    "routing.Rule": {"priority": "see the test of orders"},
    "routing.Concept": {"id": "nothing points to a concept"},
}
"""Fields that the struct need not have, each with the reason."""
for _label in filled.SWITCHES:
    _NOT_ROUTINGS[_label]["enabled"] = "see the test of what is switched off"


def _headers(struct: Any, *, secret: bool) -> dict[str, str]:
    return {name: value for name, value in struct.headers if (name in struct.secret_headers) is secret}


_ELSEWHERE: dict[tuple[str, str], str | Callable[[Any], Any]] = {
    ("access.Team", "id"): "team_id",
    ("access.Team", "name"): "team_name",
    ("access.Team", "enabled"): "team_enabled",
    ("access.Team", "time_zone"): lambda struct: next(one.zone for one in struct.limits if one.whom == "team"),
    ("access.Membership", "user_id"): "owner_id",
    ("access.ClientKey", "revoked_at"): "revoked",
    ("access.ClientKey", "disabled_at"): "disabled",
    ("access.ClientKey", "allowed_networks"): lambda struct: list(map(str, struct.networks)),
    ("access.ClientKey", "allowed_routes"): "allowed_routes.pattern",
    ("access.Budget", "model_names"): "model_names.pattern",
    ("access.Budget", "created_at"): "counts_from",
    ("access.ClientKey", "tags"): lambda struct: list(struct.tags),
    ("access.ClientKey", "client_tags"): lambda struct: ["*".join(glob) for glob in struct.client_tags],
    ("providers.Provider", "connect_timeout"): "timeouts.connect",
    ("providers.Provider", "first_event_timeout"): "timeouts.first_event",
    ("providers.Provider", "idle_timeout"): "timeouts.idle",
    ("providers.Provider", "total_timeout"): "timeouts.total",
    ("providers.Provider", "headers"): lambda struct: _headers(struct, secret=False),
    ("providers.Provider", "secret_headers"): lambda struct: _headers(struct, secret=True),
    ("providers.Provider", "options"): lambda struct: _plain(struct.options),
    ("providers.Provider", "transforms"): lambda struct: _plain(struct.transforms),
    ("providers.Model", "transforms"): lambda struct: _plain(struct.transforms),
    ("providers.Provider", "client_fields"): lambda struct: list(struct.client_fields),
    ("providers.Model", "capabilities"): lambda struct: sorted(struct.capabilities),
    ("providers.Model", "priced_for"): lambda struct: sorted(struct.priced_for),
    ("providers.Model", "supports"): lambda struct: msgspec.json.decode(msgspec.json.encode(struct.supports)),
    ("providers.Credential", "source"): lambda struct: struct.secret.reveal(),
    ("providers.Credential", "variable"): lambda struct: struct.secret.reveal(),
    ("providers.Credential", "ciphertext"): lambda struct: struct.secret.reveal(),
    ("providers.Price", "cache_write_5m"): "cache_write",
    ("routing.Route", "attempts"): "max_attempts",
    ("routing.Candidate", "model_id"): "model.id",
    ("routing.ScenarioRoute", "route_id"): "route.id",
    ("routing.Rule", "route_id"): "route",
    ("routing.Rule", "conditions"): lambda struct: _plain(struct.conditions),
    ("routing.Concept", "route_id"): "route",
    ("routing.Concept", "synonyms"): lambda struct: set(struct.words) - {struct.name},
}
"""Where in the struct a field stands that does not stand under its own name, or in another form."""


def _secret(row: Credential) -> str:
    return PLAIN if row.source == Credential.Source.STORED else OF_ENVIRONMENT


_IN_OTHER_FORM: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("access.ClientKey", "revoked_at"): lambda row: row.revoked_at is not None,
    ("access.ClientKey", "disabled_at"): lambda row: row.disabled_at is not None,
    ("access.ClientKey", "allowed_networks"): lambda row: row.allowed_networks.split("\n"),
    ("access.ClientKey", "expires_at"): lambda row: row.expires_at.timestamp(),
    ("access.ClientKey", "allowed_routes"): lambda row: "|".join(map(re.escape, row.allowed_routes.split("\n"))),
    ("access.ClientKey", "tags"): lambda row: row.tags.split(", "),
    ("access.ClientKey", "client_tags"): lambda row: row.client_tags.split(", "),
    ("access.Budget", "amount"): lambda row: to_pico(row.amount),
    ("access.Budget", "created_at"): lambda row: row.created_at.timestamp(),
    ("access.Budget", "model_names"): lambda row: "|".join(map(re.escape, row.model_names.split("\n"))),
    ("providers.Model", "capabilities"): lambda row: sorted(row.capabilities),
    ("providers.Model", "priced_for"): lambda row: sorted(row.priced_for),
    ("providers.Provider", "secret_headers"): lambda row: {
        name: opened(stored) for name, stored in row.secret_headers.items()
    },
    ("providers.Credential", "source"): _secret,
    ("providers.Credential", "variable"): _secret,
    ("providers.Credential", "ciphertext"): _secret,
    **{
        ("providers.Price", name): lambda row, name=name: per_token(getattr(row, name))  # type: ignore[misc]
        for name in ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
    },
    ("providers.Price", "per_request"): lambda row: to_pico(row.per_request),
    ("providers.Price", "per_web_search"): lambda row: to_pico(row.per_web_search),
    ("providers.Price", "valid_from"): lambda row: row.valid_from.timestamp(),
    ("providers.Price", "valid_until"): lambda row: row.valid_until.timestamp(),
    ("routing.Route", "created_at"): lambda row: row.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    ("routing.Rule", "route_id"): lambda row: "" if row.route is None else row.route.name,
    ("routing.Concept", "route_id"): lambda row: row.route.name,
    ("routing.Concept", "synonyms"): lambda row: set(row.synonyms.split(",")) - {row.name},
}
"""What a field's value is once it is loaded, where it is not the same."""


def _loaded_fields(label: str) -> list[Any]:
    return [field for field in apps.get_model(label)._meta.concrete_fields if field.attname not in _NOT_ROUTINGS[label]]


@EXAMPLES
@given(values=filled.configurations())
def test_every_field_stands_in_what_is_loaded(values: dict[str, dict[str, Any]], monkeypatch: Any) -> None:
    monkeypatch.setenv(values["providers.Credential"]["variable"], OF_ENVIRONMENT)
    with transaction.atomic():
        rows = filled.make(values, PLAIN)
        loaded = load_snapshot({"routing": 7})
        assert set(rows) == set(_STRUCTS) == set(WATCHED) - filled.NOT_LOADED
        for label in _STRUCTS:
            for field in _loaded_fields(label):
                name, default = field.attname, field.get_default()
                assert any(getattr(row, name) != default for row in rows[label]), f"{label}.{name} has its default"
                for row in rows[label]:
                    wanted = _IN_OTHER_FORM.get((label, name), attrgetter(name))(row)
                    place = _ELSEWHERE.get((label, name), name)
                    struct = _STRUCTS[label](loaded, row)
                    found = attrgetter(place)(struct) if isinstance(place, str) else place(struct)
                    assert found == wanted, f"{label}.{name} is not what is stored"
        provider, model = (
            loaded.providers[rows["providers.Provider"][0].pk],
            loaded.models[rows["providers.Model"][0].pk],
        )
        (of_route,) = loaded.routes[rows["routing.Route"][0].name].candidates
        for candidate in (of_route, loaded.candidates[provider.name, model.name]):
            assert (candidate.provider, candidate.model) == (provider, model)
            assert len(candidate.transforms.requests) == len(provider.transforms) + len(model.transforms)
        assert provider.needs_secret
        assert loaded.revisions == {"routing": 7}
        transaction.set_rollback(True)


def test_each_exception_names_a_field() -> None:
    for label, fields in _NOT_ROUTINGS.items():
        assert set(fields) <= {field.attname for field in apps.get_model(label)._meta.concrete_fields}, label


@pytest.mark.parametrize("label", filled.SWITCHES)
@settings(EXAMPLES, max_examples=1)
@given(values=filled.configurations())
def test_what_is_switched_off_is_not_loaded(label: str, values: dict[str, dict[str, Any]], monkeypatch: Any) -> None:
    monkeypatch.setenv(values["providers.Credential"]["variable"], OF_ENVIRONMENT)
    with transaction.atomic():
        row = filled.make(values, PLAIN)[label][0]
        assert _STRUCTS[label](load_snapshot({}), row)
        type(row).objects.filter(pk=row.pk).update(enabled=False)
        with pytest.raises(LookupError):
            _STRUCTS[label](load_snapshot({}), row)
        transaction.set_rollback(True)

"""Which models' rows the audit follows, and how it calls what changes in them. A test asks this of every model."""

from __future__ import annotations

from typing import Final

import msgspec
from django.apps import apps
from django.db.models import Field, Model

Verbs = dict[str, tuple[str, str]]
"""Field -> the action where it gets a value (or another one), and where it loses it."""


class Watch(msgspec.Struct, frozen=True):
    """How one model's rows are written about."""

    title: tuple[str, ...] = ("name",)
    """The fields whose values name a row."""
    masked: frozenset[str] = frozenset()
    """Fields of which only this is written: that they were set, changed or removed."""
    unseen: frozenset[str] = frozenset()
    """Fields that tell nothing: a change of these alone is none."""
    verbs: Verbs = {}
    """Changes that have a name of their own."""
    link: tuple[str, str] | None = None
    """Of a table of pairs: the field of the object that has the others, and what it calls them."""
    only_deletions: bool = False


def _watch(*title: str, masked: str = "", unseen: str = "", verbs: Verbs | None = None) -> Watch:
    hidden = frozenset(masked.split())
    return Watch(title or ("name",), hidden, frozenset(unseen.split()), verbs or {})


WATCHED: Final[dict[str, Watch]] = {
    "access.Team": _watch(),
    "access.SiteRole": _watch("user"),
    "access.Membership": _watch("user", "team"),
    "access.Invitation": _watch(
        "email",
        "team",
        masked="hash",
        verbs={"accepted_at": ("accepted", "changed"), "revoked_at": ("revoked", "restored")},
    ),
    "access.ClientKey": _watch(
        "team",
        "name",
        masked="hash previous_hash imported_hash",
        verbs={
            "revoked_at": ("revoked", "restored"),
            "disabled_at": ("disabled", "enabled"),
            "hash": ("rotated", "changed"),
        },
    ),
    "access.ReportToken": _watch(masked="hash", unseen="last_used_at"),
    "access.Webhook": _watch(masked="ciphertext", verbs={"ciphertext": ("secret set", "secret removed")}),
    "access.IncreaseRequest": _watch("user", "budget"),
    "access.RateLimit": _watch("key", "user", "team", "members_of", "measure", "per"),
    "access.Budget": _watch("key", "user", "team", "members_of", "period"),
    "providers.Provider": _watch(masked="secret_headers", verbs={"secret_headers": ("secret set", "secret removed")}),
    "providers.Credential": _watch(
        "provider", "name", masked="ciphertext", verbs={"ciphertext": ("secret set", "secret removed")}
    ),
    "providers.Model": _watch("provider", "name"),
    "providers.Price": _watch("model", "valid_from", unseen="set_at"),
    "routing.Route": _watch(),
    "routing.Candidate": _watch("route", "model"),
    "routing.Alias": _watch("pattern"),
    "routing.ScenarioRoute": _watch("scenario", "team"),
    "routing.Rule": _watch(),
    "routing.Concept": _watch(),
    "auth.User": _watch(
        "username",
        masked="password",
        unseen="last_login",
        verbs={"password": ("password changed", "password removed")},
    ),
    "auth.Group": _watch(),
    "auth.User_groups": Watch(("user", "group"), link=("user", "groups")),
    "auth.User_user_permissions": Watch(("user", "permission"), link=("user", "permissions")),
    "auth.Group_permissions": Watch(("group", "permission"), link=("group", "permissions")),
    "usage.ExchangeRate": _watch("month", "currency"),
    "usage.SavedView": _watch(),
    "usage.InvoiceMapping": _watch("provider_name"),
    "usage.StatementSchedule": _watch("day", unseen="mails_since"),
    "usage.SetAside": Watch(("request_id",), unseen=frozenset({"payload", "cause", "counted"}), only_deletions=True),
}

_by_model: dict[type[Model], Watch] = {}


def watch_of(model: type[Model]) -> Watch | None:
    """Returns how a model's rows are written about, or None for a model that is not watched."""
    return _by_model.get(model)


def load() -> None:
    """Finds the models, once all are loaded. Those of migrations are other classes, and not watched."""
    _by_model.update({apps.get_model(label): watch for label, watch in WATCHED.items()})


def fields_of(model: type[Model], watch: Watch) -> list[Field[object, object]]:
    """Returns the columns that are written about."""
    return [field for field in model._meta.concrete_fields if field.name not in watch.unseen and not field.primary_key]

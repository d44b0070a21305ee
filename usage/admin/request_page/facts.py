"""What is known of a request beside its story: only what there is, with a link wherever the name has a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.db.models import Model as Row
from django.urls import reverse

from access.models import ClientKey, Team
from access.permissions import Person, may
from access.tags import CLAIMED
from providers.models import Model, Provider
from routing.models import Route
from usage.models import AttemptLog, RequestLog
from usage.reports import formatting
from usage.rollups import measures

_TOKENS = tuple(measure for measure in measures.of_kind("sum") if measure.unit != "money")


class Fact(msgspec.Struct, frozen=True):
    """A label with its value; `url` leads to the page of what is named, `copies` offers to copy it."""

    label: str
    value: str
    url: str = ""
    note: str = ""
    copies: bool = False


class Links:
    """URLs of the pages of what a request names: those that exist, and that this person may see. One query a model."""

    def __init__(self, person: Person, row: RequestLog, attempts: Sequence[AttemptLog]) -> None:
        self._person = person
        rows: list[Any] = [row, *attempts]
        self.team = self._one("access.view_team", Team, row.team_id)
        self.owner = self._one("auth.view_user", User, row.owner_id)
        self.key = self._one("access.view_clientkey", ClientKey, row.key_id)
        self.route = self._one("routing.view_route", Route, row.route_id)
        self.providers = self._all("providers.view_provider", Provider, (each.provider_id for each in rows))
        self.models = self._all("providers.view_model", Model, (each.model_id for each in rows))

    def _one(self, permission: str, model: type[Row], identity: int | None) -> str:
        return self._all(permission, model, [identity]).get(identity or 0, "")

    def _all(self, permission: str, model: type[Row], ids: Iterable[int | None]) -> dict[int, str]:
        wanted = {identity for identity in ids if identity is not None}
        if not wanted or not may(self._person, permission):
            return {}
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        there = model._default_manager.filter(pk__in=wanted).values_list("pk", flat=True)
        return {identity: reverse(name, args=[identity]) for identity in there}


def tags_of(row: RequestLog) -> list[str]:
    """Returns the tags of a request; those that only the client named say so."""
    return [
        f"{tag.removeprefix(CLAIMED)} (claimed by the client)" if tag.startswith(CLAIMED) else tag
        for tag in row.tags or ()
    ]


def of_caller(row: RequestLog, links: Links, session_url: str) -> list[Fact]:
    """Returns who asked."""
    ignored: dict[str, int] = (row.decision or {}).get("ignored_tags", {})
    return _known(
        Fact("Team", row.team_name, links.team),
        Fact("Owner", row.owner_name, links.owner),
        Fact("Key", row.key_name, links.key, f"{row.key_prefix}…" if row.key_prefix else ""),
        Fact("Session", row.session_id, session_url),
        Fact("Agent", row.agent_id, note=row.agent_type),
        Fact("Agent type", "" if row.agent_id else row.agent_type),
        Fact("Kind of request", row.request_class),
        Fact("Client", f"{row.client_name} {row.client_version}".strip()),
        Fact("User agent", row.client),
        Fact("End user", row.end_user),
        Fact("Tags", ", ".join(tags_of(row))),
        Fact(
            "Tags ignored",
            ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in ignored.items()),
        ),
    )


def of_answer(row: RequestLog, links: Links) -> list[Fact]:
    """Returns what was asked for and what came."""
    status = "" if row.http_status is None else f"HTTP {row.http_status}"
    return _known(
        Fact("Id", row.request_id, copies=True),
        Fact("Asked for", row.request_model),
        Fact("Route", row.route_name, links.route),
        Fact("Model", row.model_name, links.models.get(row.model_id or 0, "")),
        Fact("Provider", row.provider_name, links.providers.get(row.provider_id or 0, "")),
        Fact("Status", status),
        Fact("Error", row.error_type, note=row.error_code),
        Fact("Code of our sentence", row.sentence_code),
        Fact("Stopped by", row.stop_reason),
        Fact("Streamed", "yes" if row.streamed else "no"),
        Fact("First token", _time(row.time_to_first_token_ms)),
        Fact("Duration", _time(row.duration_ms)),
        Fact("Decided by", _revisions(row)),
    )


def of_tokens(row: RequestLog) -> list[Fact]:
    """Returns what was counted, and the costs that are not ours."""
    counted = [
        Fact((measure.label or measure.name.replace("_", " ")).capitalize(), formatting.count(value))
        for measure in _TOKENS
        if (value := getattr(row, measure.name)) is not None and (value or measure.unit == "tokens")
    ]
    estimated = Fact("Estimated", "tokens were counted here" if row.estimated else "")
    provider = Fact("Provider's own cost", _money(row.provider_cost))
    repriced = Fact("Cost when last re-priced", _money(row.repriced_cost))
    return _known(*counted, estimated, provider, repriced)


def _time(milliseconds: int | None) -> str:
    return "" if milliseconds is None else formatting.milliseconds(milliseconds)


def _money(amount: Any) -> str:
    return "" if amount is None else formatting.dollars(amount)


def _revisions(row: RequestLog) -> str:
    if row.routing_revision is None or row.access_revision is None:
        return ""
    return f"routing revision {row.routing_revision}, teams and keys revision {row.access_revision}"


def _known(*facts: Fact) -> list[Fact]:
    return [fact for fact in facts if fact.value]

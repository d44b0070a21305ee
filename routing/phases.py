"""The phases that choose a route: pure functions over facts and snapshot, run in the order of PHASES."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from access.keys import KeyRecord
from routing.decision import Reason, RouteForbidden
from routing.facts import RequestFacts
from routing.snapshot import RouteConfig, Snapshot


class Choice(msgspec.Struct, frozen=True):
    """A phase's answer: the route if it chose one, what in the phase chose it, and why (not)."""

    route: RouteConfig | None
    rule: str
    text: str


Phase = Callable[[RequestFacts, KeyRecord, Snapshot], Choice]


def exact_name(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Choice:
    """The route of the very name that the client asked for. Raises RouteForbidden if the key may not use it."""
    route = snapshot.routes.get(facts.request_model)
    if route is None:
        return Choice(None, "", "no route has this name")
    if not key.may_use(route.name):
        raise RouteForbidden(
            f"The client key {key.prefix}… may not use {route.name!r}. "
            "Ask an administrator of this gateway, or use a model of GET /v1/models.",
            (Reason("exact_name", "the key's allow-list does not hold the route"),),
        )
    return Choice(route, route.name, "a route has this name")


def default_route(facts: RequestFacts, key: KeyRecord, snapshot: Snapshot) -> Choice:
    """The default route, for any name that no route has."""
    route = snapshot.default_route
    if route is None:
        return Choice(None, "", "no route is the default")
    if not key.may_use(route.name):
        return Choice(None, "", "the key's allow-list does not hold the default route")
    return Choice(route, route.name, f"{route.name} is the default route")


PHASES: tuple[tuple[str, Phase], ...] = (("exact_name", exact_name), ("default_route", default_route))

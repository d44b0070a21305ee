"""What a phase returns, and the check of a key's allow-list that phases share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Never

import msgspec

from access.keys import KeyRecord
from routing.decision import Reason, RouteDisabled, RouteForbidden
from routing.facts.request_facts import RequestFacts
from routing.snapshot import RouteConfig, Snapshot
from usage.sentence import Sentence


class Choice(msgspec.Struct, frozen=True):
    """The result of a phase: the route if it has one, what in the phase chose it, and why (not).

    `yields`: a suggestion, taken only if no later phase chooses. `scenario`: the one that led to the route.
    """

    route: RouteConfig | None
    rule: str
    text: str
    yields: bool = False
    scenario: str = ""


Phase = Callable[[RequestFacts, KeyRecord, Snapshot], Choice]


def no_choice(text: str) -> Choice:
    """Returns the result of a phase that does not choose, with the reason."""
    return Choice(None, "", str(text))


def permitted(route: RouteConfig, key: KeyRecord, phase: str) -> RouteConfig:
    """Returns the route if the key may use it. Raises RouteForbidden: a client that names a route learns why."""
    _check_permitted(route.name, key, phase)
    return route


def refuse_disabled(route: str, key: KeyRecord, phase: str) -> Never:
    """Refuses a route that is switched off: RouteDisabled, or RouteForbidden for a key that may not use it anyway."""
    _check_permitted(route, key, phase)
    why = Sentence("The route {route!r} is switched off.", route=route)
    raise RouteDisabled(
        f"{why} Use another model of GET /v1/models, or ask an administrator of this gateway to switch it on.",
        (Reason(phase, f"it names {route}, which is switched off"),),
        why=why,
    )


def _check_permitted(route: str, key: KeyRecord, phase: str) -> None:
    if key.may_use(route):
        return
    why = Sentence("The client key {key}… may not use {route!r}.", key=key.prefix, route=route)
    raise RouteForbidden(
        f"{why} Ask an administrator of this gateway, or use a model of GET /v1/models.",
        (Reason(phase, f"the key's allow-list does not hold {route}"),),
        why=why,
    )

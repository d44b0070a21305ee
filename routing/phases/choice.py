"""What a phase returns, and the refusals that phases share: of a name that is unknown, forbidden or switched off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Never

import msgspec

from access.keys import KeyRecord
from routing.allow_list import usable_names
from routing.decision import NoSuchRoute, NothingAllowed, Reason, RouteDisabled, RouteForbidden
from routing.facts.request_facts import RequestFacts
from routing.snapshot import RouteConfig, Snapshot
from usage.sentence import Sentence

_ASK: Final = "Ask an administrator of this gateway"


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


def permitted(route: RouteConfig, key: KeyRecord, snapshot: Snapshot, phase: str) -> RouteConfig:
    """Returns the route if the key may use it. Raises RouteForbidden: a client that names a route learns why."""
    _check_permitted(route.name, key, snapshot, phase)
    return route


def refuse_disabled(route: str, key: KeyRecord, snapshot: Snapshot, phase: str) -> Never:
    """Refuses a route that is switched off: RouteDisabled, or RouteForbidden for a key that may not use it anyway."""
    _check_permitted(route, key, snapshot, phase)
    why = Sentence("The route {route!r} is switched off.", code="route_disabled", route=route)
    names = usable_names(key, snapshot)
    raise RouteDisabled(
        f"{why} {f'{_whose(key)} may use: {names}. ' if names else ''}{_ASK} to switch it on.",
        (Reason(phase, f"it names {route}, which is switched off"),),
        why=why,
    )


def refuse_unknown(asked: str, key: KeyRecord, snapshot: Snapshot, reasons: tuple[Reason, ...]) -> Never:
    """Refuses a name that no phase has a route for: NoSuchRoute, or NothingAllowed where no other name would do."""
    names = _names_allowed(key, snapshot, reasons)
    why = Sentence("There is no model {asked!r} here.", code="no_such_route", asked=asked)
    raise NoSuchRoute(f"{why} {_whose(key)} may use: {names}. {_ASK} for others.", reasons, why=why)


def _check_permitted(route: str, key: KeyRecord, snapshot: Snapshot, phase: str) -> None:
    """Raises RouteForbidden, or NothingAllowed where no other name would do."""
    if key.may_use(route):
        return
    reasons = (Reason(phase, f"the key's allow-list does not hold {route}"),)
    names = _names_allowed(key, snapshot, reasons)
    why = Sentence(
        "The client key {key}… of the team {team!r} may not use {route!r}.",
        code="route_forbidden",
        key=key.prefix,
        team=key.team_name,
        route=route,
    )
    raise RouteForbidden(f"{why} It may use: {names}. {_ASK} for others.", reasons, why=why)


def _names_allowed(key: KeyRecord, snapshot: Snapshot, reasons: tuple[Reason, ...]) -> str:
    """Returns the models that the key may use. Raises NothingAllowed if there are none."""
    names = usable_names(key, snapshot)
    if names:
        return names
    why = Sentence(
        "The client key {key}… of the team {team!r} may use no model of this gateway.",
        code="key_without_routes",
        key=key.prefix,
        team=key.team_name,
    )
    raise NothingAllowed(f"{why} {_ASK} to check the key's allow-list, or to add a route.", reasons, why=why)


def _whose(key: KeyRecord) -> str:
    return f"The client key {key.prefix}… of the team {key.team_name!r}"

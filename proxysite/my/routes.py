"""The routes that somebody's keys may use, with what their models cost now, and the limits of the gateway."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from access.key_records import state_of
from access.keys import allowed_pattern
from providers.models import Price
from providers.pricing.prices import TOKEN_KINDS, USE_KINDS
from proxysite.my import limits, scope
from proxysite.my.budgets import shown
from proxysite.my.site import page as render
from routing.models import Candidate, Route
from usage.budgets import standing


class PricedModel(msgspec.Struct, frozen=True):
    """A model that may answer, with its prices in force in US dollars per million tokens; None is unknown."""

    name: str
    is_demo: bool
    input: Decimal | None
    cache_read: Decimal | None
    cache_write_5m: Decimal | None
    output: Decimal | None


_SHOWN = ("input", "cache_read", "cache_write_5m", "output")


class UsableRoute(msgspec.Struct, frozen=True):
    """A route with its models in the order of its candidates, and the keys that may use it where some may not."""

    name: str
    label: str
    is_default: bool
    models: list[PricedModel]
    keys: list[str]


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Shows routes and limits."""
    person = scope.person_of(request)
    routes, has_keys = usable(person)
    return render(
        request, "my/routes.html", "Routes and limits", routes=routes, has_keys=has_keys,
        limits=[
            *limits.rates_of_person(scope.own_keys(person).filter(revoked_at=None).select_related("team", "owner")),
            *shown.as_limits(standing.of_person(person)),
            *limits.of_gateway(),
        ],
    )  # fmt: skip


def usable(person: User) -> tuple[list[UsableRoute], bool]:
    """Returns the routes for the person's active keys, all of them where there is no such key, and whether there is."""
    keys = [key for key in scope.own_keys(person) if state_of(key) == "active"]
    named = Counter(key.name for key in keys)
    # Names are the teams' own: keys of two teams may have the same one.
    labels = [key.name if named[key.name] == 1 else f"{key.name} of {key.team}" for key in keys]
    patterns = [(label, allowed_pattern(key.allowed_routes)) for label, key in zip(labels, keys, strict=True)]
    found = []
    for route in _routes():
        names = [label for label, pattern in patterns if pattern is None or pattern.fullmatch(route.name)]
        if names or not keys:
            found.append(_described(route, names if len(names) < len(keys) else []))
    return found, bool(keys)


def _routes() -> Any:
    prices = Price.objects.in_force(timezone.now())
    candidates = Candidate.objects.filter(enabled=True, model__enabled=True, model__provider__enabled=True)
    candidates = candidates.select_related("model__provider").order_by("position", "id")
    candidates = candidates.prefetch_related(Prefetch("model__prices", prices, to_attr="now"))
    routes = Route.objects.filter(enabled=True).order_by("-is_default", "name")
    return routes.prefetch_related(Prefetch("candidates", candidates, to_attr="usable"))


def _described(route: Any, keys: list[str]) -> UsableRoute:
    models: dict[Any, PricedModel] = {}
    for candidate in route.usable:
        model = candidate.model
        amounts = model.now[0].amounts() if model.now else dict.fromkeys((*TOKEN_KINDS, *USE_KINDS))
        found = PricedModel(model.name, model.provider.is_demo, **{kind: amounts[kind] for kind in _SHOWN})
        models.setdefault((model.name, *amounts.values()), found)
    return UsableRoute(route.name, route.display_name, route.is_default, list(models.values()), keys)

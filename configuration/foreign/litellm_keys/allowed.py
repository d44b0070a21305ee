"""Which routes a key of LiteLLM may use here: those that are called like its models, also by an alias."""

from __future__ import annotations

from fnmatch import fnmatchcase

from providers.models import Model
from routing.models import Alias, Candidate, Route

_ALL = frozenset({"all-proxy-models", "*"})
_NONE = "no-default-models"
TEAMS_OWN = frozenset({"all-team-models"})
"""What stands for the models of the key's team."""


def within_team(models: list[str], of_team: list[str]) -> list[str]:
    """Returns which models a key may use in its team: LiteLLM looks at both lists, of which an empty one allows all."""
    if _is_all(of_team):
        return models
    if _is_all(models) or not TEAMS_OWN.isdisjoint(models):
        return of_team
    own = [model for model in models if any(fnmatchcase(model, pattern) for pattern in of_team)]
    teams = [model for model in of_team if model not in own and any(fnmatchcase(model, pattern) for pattern in models)]
    return [*own, *teams] or [_NONE]


def _is_all(models: list[str]) -> bool:
    return not models or not _ALL.isdisjoint(models)


class RouteNames:
    """The names of this gateway's routes and aliases."""

    def __init__(self) -> None:
        self._routes = set(Route.objects.values_list("name", flat=True))
        self._aliases = {
            alias.pattern.lower(): alias.target
            for alias in Alias.objects.filter(enabled=True)
            if alias.target in self._routes
        }

    def models_of(self, name: str) -> list[str]:
        """Returns the names of the providers' models that answer for a name; none where nothing is called so."""
        route = name if name in self._routes else self._aliases.get(name.lower())
        if route is not None:
            found = set(Candidate.objects.filter(route__name=route).values_list("model__name", flat=True))
        else:
            found = set(Model.objects.filter(name=name).values_list("name", flat=True))
        return sorted(model for model in found if not any(map(str.isspace, model)))

    def allowed(self, models: list[str]) -> tuple[str, list[str], list[str]]:
        """Returns a key's list of routes, the models that are no route here, and those that no route can be called
        like. An empty list allows every route.

        The former stay in the list: they allow nothing until somebody creates a route of that name.
        """
        if _is_all(models):
            return "", [], []
        found: dict[str, None] = {}
        unknown, impossible = [], []
        for model in models:
            name = self._aliases.get(model.lower(), model) if model not in self._routes else model
            if any(map(str.isspace, name)):
                impossible.append(model)
                continue
            is_known = name in self._routes or ("*" in name and any(fnmatchcase(route, name) for route in self._routes))
            if not is_known:
                unknown.append(model)
            found[name] = None
        return "\n".join(found) or _NONE, unknown, impossible

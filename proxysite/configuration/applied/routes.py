"""Routes and their candidates into rows. The candidates in the file are all that a route has, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from providers.models import Model
from proxysite.configuration.applied.task import Task
from proxysite.configuration.exporting import model_name
from proxysite.configuration.fields import wanted_of
from proxysite.configuration.ledger import ConfigurationError
from proxysite.configuration.schema import CandidateEntry, RouteEntry
from routing.models import Candidate, Route


def apply(task: Task, entries: Sequence[RouteEntry]) -> None:
    """Write the routes with their candidates."""
    _make_way(task, entries)
    names: set[Any] = set()
    for number, entry in enumerate(entries):
        place = task.place("routes", number, f"route {entry.name}")
        task.once(place, names, entry.name)
        route = Route.objects.filter(name=entry.name).first() or Route(name=entry.name)
        task.put(place, route, entry.name, entry)
        if entry.candidates is not UNSET:
            _candidates(task, place, route, entry.candidates)
        elif task.complete:
            _candidates(task, place, route, [])


def _make_way(task: Task, entries: Sequence[RouteEntry]) -> None:
    """There is one default route at most: if the file names one, the one before it is none any more."""
    chosen = [entry.name for entry in entries if entry.is_default is True]
    if len(chosen) > 1:
        raise ConfigurationError(f"routes: {' and '.join(chosen)} are both the default: choose one.")
    for route in Route.objects.filter(is_default=True).exclude(name__in=chosen) if chosen else ():
        Route.objects.filter(pk=route.pk).update(is_default=False)
        task.ledger.note_change(route, route.name, ("default", "yes", "no"))


def _candidates(task: Task, place: str, route: Route, entries: Sequence[CandidateEntry]) -> None:
    here = {row.model_id: row for row in route.candidates.select_related("model__provider").order_by("position", "id")}
    before = list(here)
    rows = []
    models: set[Any] = set()
    for number, entry in enumerate(entries):
        where = f"{place}.candidates[{number}]"
        model = _model(where, entry.model)
        task.once(where, models, model.pk)
        rows.append((where, model, entry))
    in_order = [model.pk for _, model, _ in rows] == before
    for row in [row for pk, row in here.items() if pk not in models]:
        task.ledger.remove(row, f"{route.name} → {model_name(row.model)}")
    for number, (where, model, entry) in enumerate(rows):
        row = here.get(model.pk) or Candidate(route=route, model=model)
        wanted = wanted_of(entry, Candidate, complete=task.complete)
        if not in_order:
            wanted["position"] = number
        task.ledger.put(where, row, f"{route.name} → {model_name(model)}", wanted)


def _model(place: str, name: str) -> Model:
    provider, colon, model = name.partition(":")
    found = Model.objects.select_related("provider").filter(provider__name=provider, name=model).first()
    if found is None:
        told = "" if colon else " Write provider:model."
        raise ConfigurationError(f"{place}.model: There is no model {name!r}, neither here nor in the file.{told}")
    return found

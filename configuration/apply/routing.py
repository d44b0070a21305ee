"""Routes and their candidates into rows. The candidates in the file are all that a route has, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET

from configuration.apply.context import Task
from configuration.apply.import_report import ConfigurationError
from configuration.file.exporting import model_name
from configuration.file.fields import wanted_of
from configuration.file.schema import CandidateEntry, RouteEntry
from providers.models import Model
from routing.models import Candidate, Route


def apply(task: Task, entries: Sequence[RouteEntry]) -> None:
    """Write the routes with their candidates."""
    _make_way(task, entries)
    here = {row.name: row for row in Route.objects.all()}
    models = {model_name(model): model for model in Model.objects.select_related("provider")} if entries else {}
    names: set[Any] = set()
    for number, entry in enumerate(entries):
        place = task.place("routes", number, f"route {entry.name}")
        task.once(place, names, entry.name)
        route = here.get(entry.name) or Route(name=entry.name)
        task.put(place, route, entry.name, entry)
        if entry.candidates is not UNSET:
            _candidates(task, place, route, entry.candidates, models)
        elif task.complete:
            _candidates(task, place, route, [], models)


def _make_way(task: Task, entries: Sequence[RouteEntry]) -> None:
    """There is one default route at most: if the file names one, the one before it is none any more."""
    chosen = [entry.name for entry in entries if entry.is_default is True]
    if len(chosen) > 1:
        raise ConfigurationError(f"routes: {' and '.join(chosen)} are both the default: choose one.")
    for route in Route.objects.filter(is_default=True).exclude(name__in=chosen) if chosen else ():
        Route.objects.filter(pk=route.pk).update(is_default=False)
        task.ledger.note_change(route, route.name, ("default", "yes", "no"))


def _candidates(
    task: Task, place: str, route: Route, entries: Sequence[CandidateEntry], models: Mapping[str, Model]
) -> None:
    here = {row.model_id: row for row in route.candidates.select_related("model__provider").order_by("position", "id")}
    before = list(here)
    rows = []
    taken: set[Any] = set()
    for number, entry in enumerate(entries):
        where = f"{place}.candidates[{number}]"
        model = models.get(entry.model)
        if model is None:
            told = "" if ":" in entry.model else " Write provider:model."
            raise ConfigurationError(
                f"{where}.model: There is no model {entry.model!r}, neither here nor in the file.{told}"
            )
        task.once(where, taken, model.pk)
        rows.append((where, model, entry))
    in_order = [model.pk for _, model, _ in rows] == before
    for row in [row for pk, row in here.items() if pk not in taken]:
        task.ledger.remove(row, f"{route.name} → {model_name(row.model)}")
    for number, (where, model, entry) in enumerate(rows):
        row = here.get(model.pk) or Candidate(route=route, model=model)
        wanted = wanted_of(entry, Candidate, complete=task.complete)
        if not in_order:
            wanted["position"] = number
        task.ledger.put(where, row, f"{route.name} → {model_name(model)}", wanted)

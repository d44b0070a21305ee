"""From written concepts to rows: first what would change, then, if wanted, the change itself, all of it or nothing."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from django.db import transaction

from providers.models import Model
from routing.models import Candidate, Concept, Route
from routing.taxonomy import Left, Written


class Plan(msgspec.Struct):
    """What an import comes to: lines of a diff, how many concepts stay as they are, and what was left."""

    changes: list[str] = []
    unchanged: int = 0
    left: list[Left] = []


def carry_out(concepts: Sequence[Written], *, write: bool) -> Plan:
    """Make and change routes and concepts; without `write` everything is taken back at the end."""
    plan = Plan()
    with transaction.atomic():
        for written in concepts:
            _concept(written, plan)
        if not write:
            transaction.set_rollback(True)
    return plan


def _concept(written: Written, plan: Plan) -> None:
    if not written.provider:
        plan.left.append(Left(written.file, f"{written.name} has no route:: line: make it in the admin, with a route"))
        return
    route = _route(written, plan)
    if route is None:
        return
    row = Concept.objects.select_related("route").filter(name=written.name).first()
    wanted = {"synonyms": ", ".join(written.synonyms), "route": route, "priority": written.priority}
    if row is None:
        row = Concept(name=written.name, **wanted)
        plan.changes.append(
            f"+ concept {row.name} → {route.name}, priority {row.priority}: {row.synonyms or 'no synonyms'}"
        )
    else:
        changed = [name for name, value in wanted.items() if getattr(row, name) != value]
        if not changed:
            plan.unchanged += 1
            return
        said = "; ".join(f"{name} {str(getattr(row, name)) or 'none'} → {wanted[name] or 'none'}" for name in changed)
        plan.changes.append(f"~ concept {row.name}: {said}")
        for name in changed:
            setattr(row, name, wanted[name])
    row.full_clean()
    row.save()


def _route(written: Written, plan: Plan) -> Route | None:
    """The route to one model: the one of its full name, the one of its own name, or a new one."""
    models = Model.objects.select_related("provider").filter(provider__name__iexact=written.provider)
    model = models.filter(name=written.model).first()
    if model is None:
        what = f"has no model {written.model}" if models.exists() else "is not there, or has no models"
        plan.left.append(
            Left(written.file, f"{written.name}: the provider {written.provider} {what}: add it, then import again")
        )
        return None
    name = f"{model.provider.name}:{model.name}"
    named = Route.objects.filter(name=name).first()
    if named is not None:
        return named
    own = Route.objects.filter(name=model.name).first()
    first = own.candidates.order_by("position", "id").first() if own is not None else None
    if own is not None and first is not None and first.model_id == model.pk:
        return own
    route = Route(name=name)
    route.full_clean()
    route.save()
    Candidate.objects.create(route=route, model=model)
    plan.changes.append(f"+ route {name}")
    return route

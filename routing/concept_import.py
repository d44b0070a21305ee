"""Imports the concepts of a taxonomy into rows: reports what would change, and changes all of it or nothing."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from django.db import transaction

from providers.models import Model
from routing.models import Candidate, Concept, Route
from routing.taxonomy import TaxonomyConcept, Unsupported


class Plan(msgspec.Struct):
    """The result of an import: lines of a diff, how many concepts are unchanged, and what cannot be imported."""

    changes: list[str] = []
    unchanged: int = 0
    unsupported: list[Unsupported] = []


def import_concepts(concepts: Sequence[TaxonomyConcept], *, write: bool) -> Plan:
    """Creates and changes routes and concepts; without `write` everything is rolled back. Raises ValidationError."""
    plan = Plan()
    with transaction.atomic():
        for concept in concepts:
            _import_concept(concept, plan)
        if not write:
            transaction.set_rollback(True)
    return plan


def _import_concept(concept: TaxonomyConcept, plan: Plan) -> None:
    if not concept.provider:
        why = f"{concept.name} has no route:: line: add the concept in the admin, with a route"
        plan.unsupported.append(Unsupported(concept.file, why))
        return
    route = _find_or_create_route(concept, plan)
    if route is None:
        return
    row = Concept.objects.select_related("route").filter(name=concept.name).first()
    wanted = {"synonyms": ", ".join(concept.synonyms), "route": route, "priority": concept.priority}
    if row is None:
        row = Concept(name=concept.name, **wanted)
        plan.changes.append(
            f"+ concept {row.name} → {route.name}, priority {row.priority}: {row.synonyms or 'no synonyms'}"
        )
    else:
        changed = [name for name, value in wanted.items() if getattr(row, name) != value]
        if not changed:
            plan.unchanged += 1
            return
        diff = "; ".join(f"{name} {str(getattr(row, name)) or 'none'} → {wanted[name] or 'none'}" for name in changed)
        plan.changes.append(f"~ concept {row.name}: {diff}")
        for name in changed:
            setattr(row, name, wanted[name])
    row.full_clean()
    row.save()


def _find_or_create_route(concept: TaxonomyConcept, plan: Plan) -> Route | None:
    """Returns the route to one model: the one called `provider:model`, else the model's own, else a new one."""
    models = Model.objects.select_related("provider").filter(provider__name__iexact=concept.provider)
    model = models.filter(name=concept.model).first()
    if model is None:
        what = f"has no model {concept.model}" if models.exists() else "does not exist, or has no models"
        why = f"{concept.name}: the provider {concept.provider} {what}: add it, then import again"
        plan.unsupported.append(Unsupported(concept.file, why))
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

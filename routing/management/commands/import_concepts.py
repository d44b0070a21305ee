"""`./gateway import_concepts`: imports concepts from Markdown files. A dry run unless --write is given."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from providers.models import Model
from routing import taxonomy
from routing.models import Candidate, Concept, Route
from routing.taxonomy import TaxonomyConcept, Unsupported


class Command(BaseCommand):
    """Reports what an import would change, and changes it with --write."""

    help = (
        "Import concepts from Markdown: a `# Concept` heading, `synonyms:: a, b`, `route:: provider, model` and "
        "`priority:: 0-100`. Shows what would change; --write writes the changes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the folder or file, and --write."""
        parser.add_argument("path", type=Path, help="a folder of .md files, or one of them")
        parser.add_argument("--write", action="store_true", help="write the changes")

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs the command."""
        path: Path = options["path"]
        if not path.exists():
            raise CommandError(f"{path} does not exist.")
        if not taxonomy.files(path):
            raise CommandError(f"There is no .md file in {path}.")
        concepts, unsupported = taxonomy.read(path)
        try:
            plan = import_concepts(concepts, write=options["write"])
        except ValidationError as error:
            raise CommandError(f"Nothing was written: {' '.join(error.messages)}") from error
        for line in plan.changes:
            self.stdout.write(line)
        self.stdout.write(f"{len(plan.changes)} changes; {plan.unchanged} concepts are up to date.")
        for each in (*unsupported, *plan.unsupported):
            self.stdout.write(f"! {each.place}: {each.why}.")
        if plan.changes and not options["write"]:
            self.stdout.write("Nothing was written. Run it again with --write to write these changes.")


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

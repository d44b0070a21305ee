"""A configuration into the rows: everything or nothing. What the file does not speak of is left as it is."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Model as Row

from access.models import ClientKey, Team
from configuration.apply import access, providers, routing, targeting
from configuration.apply.context import Task
from configuration.apply.import_report import Ledger
from configuration.file.reading import Read
from providers.models import Credential, Model, Provider
from routing.loading import BrokenConfiguration
from routing.loading.load import load_snapshot
from routing.models import Alias, Concept, Route, Rule, ScenarioRoute


def apply(read: Read, *, write: bool) -> Ledger:
    """Write what a file says, or only find out what writing it would do. Raises ConfigurationError, and then nothing
    is written."""
    ledger = Ledger()
    ledger.lost += read.lost
    task = Task(ledger, complete=read.configuration.complete, foreign=read.foreign)
    with transaction.atomic():
        # The rows are really written, so that a dry run meets every error that a real one would.
        access.apply(task, read.configuration.teams)
        providers.apply(task, read.configuration.providers)
        routing.apply(task, read.configuration.routes)
        targeting.apply(task, read.configuration)
        ledger.left = _left(task)
        ledger.todo += [*read.todo, *_overruled(read), *_broken()]
        transaction.set_rollback(not write)
    return ledger


def _broken() -> Iterable[str]:
    try:
        load_snapshot({})
    except BrokenConfiguration as error:
        yield f"The workers cannot use the configuration as it then is, and keep the last one that they could: {error}"


def _overruled(read: Read) -> Iterable[str]:
    """Names that clients ask for and that lead past the scenarios and rules of another gateway's file."""
    if not read.foreign or not (read.configuration.scenarios or read.configuration.rules):
        return
    made = [route.name for route in read.configuration.routes]
    past = Route.objects.filter(enabled=True, yields=False, name__istartswith="claude").exclude(name__in=made)
    names = ", ".join(sorted(past.values_list("name", flat=True)))
    if names:
        yield f"Who asks for {names} gets that route, past scenarios and rules: let it yield to rules, or rename it."


def _left(task: Task) -> dict[str, list[str]]:
    """The rows that the file did not speak of."""
    kinds: tuple[type[Row], ...] = (
        *(Team, ClientKey, Provider, Credential, Model),
        *(Route, Alias, ScenarioRoute, Rule, Concept),
    )
    found = {}
    for kind in kinds:
        rows = kind._default_manager.exclude(pk__in=task.seen[kind])
        if kind in (Credential, Model):
            rows = rows.select_related("provider")
        if names := sorted(str(row) for row in rows):
            found[str(kind._meta.verbose_name_plural)] = names
    return found

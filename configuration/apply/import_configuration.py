"""Writes a parsed configuration file into the database: all of it or nothing. Rows that it does not mention stay."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.db import transaction
from django.db.models import Model as Row
from msgspec import UNSET

from access import audit
from access.models import Budget, ClientKey, Membership, RateLimit, Team, Webhook
from configuration.apply import providers, routing, teams, webhooks
from configuration.apply.context import ImportContext
from configuration.apply.import_report import ImportReport
from configuration.file.reading import ParsedFile
from providers.models import Credential, Model, Provider
from routing.loading import BrokenConfiguration
from routing.loading.load import load_snapshot
from routing.models import Alias, Concept, Route, Rule, ScenarioRoute


def import_configuration(parsed: ParsedFile, *, write: bool, each: Callable[[], None] = lambda: None) -> ImportReport:
    """Writes a file's configuration; without `write` only reports what would change.

    Raises ConfigurationError, and what `each` raises, which is called before each row: then nothing is written.
    """
    report = ImportReport(each)
    report.not_carried_over += parsed.not_carried_over
    configuration = parsed.configuration
    context = ImportContext(report, complete=configuration.complete, foreign=parsed.foreign)
    context.names_people = configuration.people is not UNSET
    # Rows are read before they are written, and nobody else may write in between. A dry run writes the rows too and
    # rolls back, so that it meets every error that a real run would.
    with transaction.atomic(), audit.batch(write=write):
        teams.write_people(context, configuration.people)
        teams.write_teams(context, configuration.teams)
        providers.write_providers(context, configuration.providers)
        routing.write_routes(context, configuration.routes)
        routing.write_targeting(context, configuration)
        webhooks.write_webhooks(context, configuration.webhooks)
        report.untouched = _untouched(context)
        report.to_do += [*parsed.to_do, *_routes_past_rules(parsed), *_load_error()]
        transaction.set_rollback(not write)
    return report


def _load_error() -> Iterable[str]:
    try:
        load_snapshot({})
    except BrokenConfiguration as error:
        yield f"The workers could not load the resulting configuration and would keep the one before it: {error}"


def _routes_past_rules(parsed: ParsedFile) -> Iterable[str]:
    """Routes that clients name and that therefore bypass the scenarios and rules of another gateway's file."""
    if not parsed.foreign or not (parsed.configuration.scenarios or parsed.configuration.rules):
        return
    imported = [route.name for route in parsed.configuration.routes]
    past = Route.objects.filter(enabled=True, yields=False, name__istartswith="claude").exclude(name__in=imported)
    names = ", ".join(sorted(past.values_list("name", flat=True)))
    if names:
        yield (
            f"Requests for {names} go to the route of that name and bypass scenarios and rules: "
            "let the route yield to rules, or rename it."
        )


def _untouched(context: ImportContext) -> dict[str, list[str]]:
    """The rows that the file does not mention, by kind."""
    kinds: tuple[type[Row], ...] = (
        *(Team, *((Membership,) if context.names_people else ()), ClientKey, RateLimit, Budget),
        *(Provider, Credential, Model),
        *(Route, Alias, ScenarioRoute, Rule, Concept, Webhook),
    )
    found = {}
    for kind in kinds:
        rows = kind._default_manager.exclude(pk__in=context.seen[kind])
        if kind in (Credential, Model):
            rows = rows.select_related("provider")
        if kind in (RateLimit, Budget):
            rows = rows.select_related("key", "user", "team", "members_of")
        if names := sorted(str(row) for row in rows):
            found[str(kind._meta.verbose_name_plural)] = names
    return found

"""Filters of the usage lists, and the URLs of exactly the rows behind a number."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Model, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.urls import reverse
from unfold.contrib.filters.admin import DropdownFilter

from providers.fidelity import EXPLANATIONS
from usage.reports.query import Period
from usage.rollups.accumulate import first_id
from usage.rollups.measures import REPORTED

NONE = "(none)"
"""The value in a URL for rows without that name or id."""
ANY = "(any)"
_RECENT = 5000
_KNOWN = tuple(measure.name for measure in REPORTED if measure.kind == "sum")


def rows_url(
    period: Period | None = None, *, outcomes: Iterable[str] = (), known: str = "", **options: int | str | None
) -> str:
    """Returns the URL of the request list, filtered by `period` and the given team, key, route, provider and model.

    None or '' selects the rows without one. `known` is a parameter value of KnownFilter.
    """
    pairs: list[tuple[str, str]] = []
    if period is not None:
        pairs += [("started_at_from", period.first.isoformat()), ("started_at_to", period.last.isoformat())]
    pairs += [(name, NONE if value in (None, "") else str(value)) for name, value in options.items()]
    pairs += [("outcome__exact", outcome) for outcome in outcomes]
    if known:
        pairs.append((KnownFilter.parameter_name, known))
    return f"{reverse('admin:usage_requestlog_changelist')}?{urlencode(pairs)}"


def attempts_url(period: Period, **options: str | None) -> str:
    """Returns the URL of the list of attempts, filtered by the days of UTC in `period` and the given options."""
    days = f"{period.first.isoformat()}{UTCDaysFilter.UNTIL}{period.last.isoformat()}"
    pairs = [(UTCDaysFilter.parameter_name, days)]
    pairs += [(name, value or NONE) for name, value in options.items()]
    return f"{reverse('admin:usage_attemptlog_changelist')}?{urlencode(pairs)}"


class UTCDaysFilter(DropdownFilter):
    """Days of UTC, by ids: exactly the attempts that a sum by provider was computed from."""

    title, parameter_name = "days of UTC", "utc"
    UNTIL = ".."

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Returns some spans of days and the chosen one."""
        today = datetime.now(UTC).date()
        spans = {"today": today, "this month": today.replace(day=1), "the last 30 days": today - timedelta(days=29)}
        choices = {f"{first}{self.UNTIL}{today}": label for label, first in spans.items()}
        chosen = self.value()
        if chosen and chosen not in choices:
            choices[chosen] = chosen.replace(self.UNTIL, " to ")
        return list(choices.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filters by the chosen days; text that is none leads back to the unfiltered list."""
        chosen = self.value()
        if not chosen:
            return queryset
        try:
            first, last = (date.fromisoformat(day) for day in chosen.split(self.UNTIL))
            return queryset.filter(id__gte=first_id(first), id__lt=first_id(last + timedelta(days=1)))
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters(str(error)) from error


class _SeenFilter(DropdownFilter):
    """Offers the values of the newest rows, so that a list of millions opens at once."""

    column: ClassVar[str]
    label: ClassVar[str]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Returns the values of the newest rows and the chosen one."""
        model: type[Model] = model_admin.model
        newest = model._default_manager.order_by("-id").values("id")[:_RECENT]
        seen = dict(
            model._default_manager.filter(id__in=newest).order_by().values_list(self.column, self.label).distinct()
        )
        choices = {NONE if value in (None, "") else str(value): name or NONE for value, name in seen.items()}
        chosen = self.value()
        if chosen and chosen not in choices:
            choices[chosen] = chosen
        return sorted(choices.items(), key=lambda choice: (choice[0] != NONE, choice[1].lower()))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filters by the chosen value."""
        chosen = self.value()
        if not chosen:
            return queryset
        numeric = self.column.endswith("_id")
        if chosen == NONE:
            return queryset.filter(**({f"{self.column}__isnull": True} if numeric else {self.column: ""}))
        if numeric and not chosen.isdecimal():
            raise IncorrectLookupParameters(f"{self.parameter_name} must be a number")
        return queryset.filter(**{self.column: chosen})


class TeamFilter(_SeenFilter):
    """By the team's id, so that a renamed team stays one."""

    title, parameter_name, column, label = "team", "team", "team_id", "team_name"


class KeyFilter(_SeenFilter):
    """By the client key's id."""

    title, parameter_name, column, label = "client key", "key", "key_id", "key_name"


class OwnerFilter(_SeenFilter):
    """By the id of the key's owner; (none) are service keys, and requests of before keys had owners."""

    title, parameter_name, column, label = "owner", "owner", "owner_id", "owner_name"


class ClientFilter(_SeenFilter):
    """By the client's name, without its version."""

    title, parameter_name, column, label = "client", "client", "client_name", "client_name"


class RouteFilter(_SeenFilter):
    """By the route's name."""

    title, parameter_name, column, label = "route", "route", "route_name", "route_name"


class ProviderFilter(_SeenFilter):
    """By the provider's name."""

    title, parameter_name, column, label = "provider", "provider", "provider_name", "provider_name"


class ModelFilter(_SeenFilter):
    """By the model's name."""

    title, parameter_name, column, label = "model", "model", "model_name", "model_name"


class CredentialFilter(_SeenFilter):
    """By the credential's name."""

    title, parameter_name, column, label = "credential", "credential", "credential_name", "credential_name"


class KnownFilter(DropdownFilter):
    """Rows where a figure is known: those that a sum or a percentile was computed from."""

    title, parameter_name = "known figure", "known"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Returns the figures."""
        sums = [(name, name.replace("_", " ")) for name in _KNOWN]
        return [
            *sums,
            ("unpriced", "completed without a price"),
            ("time_to_first_token_ms", "time to first token"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filters by the chosen figure."""
        chosen = self.value()
        if chosen == "unpriced":
            return queryset.filter(cost__isnull=True, outcome="completed")
        if chosen in {value for value, _ in self.lookup_choices}:
            return queryset.filter(**{f"{chosen}__isnull": False})
        return queryset


class FidelityFilter(DropdownFilter):
    """Rows whose translation dropped, changed or emulated something, by its code."""

    title, parameter_name = "fidelity code", "fidelity"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Returns all codes, and any of them."""
        return [(ANY, "any"), *((code.value, code.replace("_", " ")) for code in EXPLANATIONS)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filters by the chosen code."""
        chosen = self.value()
        if not chosen:
            return queryset
        # SQLite cannot test JSON for containment; a quoted code is found in the text on both databases.
        rows: QuerySet[Any] = queryset.alias(fidelity_text=Cast("fidelity", TextField()))
        rows = rows.filter(fidelity_text__contains='"' if chosen == ANY else f'"{chosen}"')
        return rows

"""What the pages of limits and of budgets have in common: lists of those of one key, person or team."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, QueryDict

from access.allowances.models import OF_LEADS, WHOM, Allowance

_OF_FILTER: Final = "__id__exact"

Fieldset = tuple[str, dict[str, Any]]


def how_much(fieldset: Fieldset, row: Allowance) -> Fieldset:
    """Returns the fields of how much, without that of leads where they never change what binds so much."""
    if row.whom in OF_LEADS:
        return fieldset
    title, options = fieldset
    return title, {**options, "fields": [name for name in options["fields"] if name != "leads_may_change"]}


class ListsOfOne:
    """For a ModelAdmin: links of other pages lead to the list of one, and what is added there is for the same one."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Returns True for the links of the pages of keys, people and teams, too."""
        allowed: bool = super().lookup_allowed(lookup, value, request)  # type: ignore[misc]
        return allowed or lookup.removesuffix(_OF_FILTER) in WHOM

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Returns whom a new one is for where the list shows those of one."""
        filters = QueryDict(request.GET.get("_changelist_filters", ""))
        of = {name: filters[name + _OF_FILTER] for name in WHOM if name + _OF_FILTER in filters}
        return {**of, **super().get_changeform_initial_data(request)}  # type: ignore[misc]

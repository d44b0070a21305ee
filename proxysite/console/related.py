"""Filters of lists by a row of another table, such as keys by team. They offer the rows that the reader may see."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import RelatedFieldListFilter
from django.http import HttpRequest
from unfold.contrib.filters.admin import RelatedDropdownFilter

from access.roles.scope import visible


def _choices(reader: Any, field: Any) -> list[tuple[Any, str]]:
    return [(row.pk, str(row)) for row in visible(reader, field.related_model._default_manager.all())]


class VisibleRelatedFilter(RelatedDropdownFilter):
    """As a list to choose from; it is not there where the reader may see no row."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Returns the choices in the order of the table."""
        return _choices(request.user, field)


class VisibleRelatedLinks(RelatedFieldListFilter):
    """As links; they are not there where the reader may see no row."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Returns the choices in the order of the table."""
        return _choices(request.user, field)

"""Deletions of rows that others hang on whose own pages delete nothing: what happened to them is history."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest

from access.models import IncreaseRequest, Invitation, OutboxMessage

_HISTORY: Final = frozenset(str(kind._meta.verbose_name) for kind in (Invitation, IncreaseRequest, OutboxMessage))


class TakesHistoryAlong:
    """An admin page where whoever may delete a row needs no right over what happened to it."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Returns what goes with the rows, and which rights over it somebody lacks."""
        gone, counts, lacking, protected = super().get_deleted_objects(objs, request)  # type: ignore[misc]
        return gone, counts, lacking - _HISTORY, protected

"""The filter of the admin's lists by days."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter

from access.validation import validate_year
from usage.rollups.accumulate import midnight

_DAY = forms.DateField(required=False, validators=[validate_year])


class DayRangeFilter(RangeDateFilter):
    """Days of TIME_ZONE, the first and the last included."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filters by days; text that is not a date leads back to the unfiltered list."""
        if first := self._midnight("from", 0):
            queryset = queryset.filter(**{f"{self.parameter_name}__gte": first})
        if end := self._midnight("to", 1):
            queryset = queryset.filter(**{f"{self.parameter_name}__lt": end})
        return queryset

    def _midnight(self, side: str, days_later: int) -> datetime | None:
        try:
            day = _DAY.clean(self.used_parameters.get(f"{self.parameter_name}_{side}"))
        except ValidationError as error:
            raise IncorrectLookupParameters(str(error)) from error
        return None if day is None else midnight(day + timedelta(days=days_later))

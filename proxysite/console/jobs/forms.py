"""What a job may be asked to do: a form for each kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from proxysite.state.jobs import fetches
from proxysite.state.models import Job


def _day(label: str, required: bool, initial: Callable[[], date] | None = None) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=required,
        initial=initial,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(attrs={"type": "date", "class": "gw-text"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter the day as 2026-11-01."},
    )


class Asked(forms.Form):
    """What a job is asked to do."""

    def options(self) -> dict[str, Any]:
        """Returns the options of the job, as JSON can hold them."""
        return {
            name: value.isoformat() if isinstance(value, date) else ("" if value is None else value)
            for name, value in self.cleaned_data.items()
        }


class _Days(Asked):
    """Days of TIME_ZONE, both included."""

    def clean(self) -> dict[str, Any]:
        """Refuses days in the wrong order."""
        found = super().clean() or {}
        first, last = found.get("first"), found.get("last")
        if first and last and last < first:
            self.add_error("last", ValidationError("The last day is before the first."))
        return found


class RepriceForm(_Days):
    """Which usage, and at which prices."""

    first = _day("First day", required=True, initial=lambda: timezone.localdate().replace(day=1))
    last = _day("Last day", required=True, initial=timezone.localdate)
    model = forms.CharField(
        label="Only the model",
        required=False,
        max_length=160,
        widget=UnfoldAdminTextInputWidget(attrs={"class": "w-auto"}),
    )
    prices = forms.ChoiceField(
        label="At the prices of",
        choices=[("now", "today"), ("then", "each request's own time")],
        widget=UnfoldAdminSelectWidget,
    )
    write = forms.BooleanField(label="Store the result beside the cost", required=False)


class RollupsForm(_Days):
    """Which days; without any, all."""

    first = _day("First day", required=False)
    last = _day("Last day", required=False)


class FetchForm(Asked):
    """All providers that are enabled; their list in the admin has an action for some of them."""

    def options(self) -> dict[str, Any]:
        """Names none of them."""
        return {"providers": []}


FORMS: dict[str, type[Asked]] = {
    Job.Kind.FETCH.value: FetchForm,
    Job.Kind.REPRICE.value: RepriceForm,
    Job.Kind.CHECK.value: RollupsForm,
    Job.Kind.REBUILD.value: RollupsForm,
}
SENTENCES = {
    Job.Kind.FETCH.value: "Asks every enabled provider for its models: what is new, what is not listed. Adds none.",
    Job.Kind.REPRICE.value: "What usage would cost at other prices. Its cost stays: the result is a second figure.",
    Job.Kind.CHECK.value: "Compares the sums that pages show with the usage rows, and changes nothing.",
    Job.Kind.REBUILD.value: "Corrects the sums that differ from the usage rows. Not while prune_usage runs.",
}
TAKES: dict[str, tuple[str, ...]] = {Job.Kind.FETCH.value: ("providers.view_provider", fetches.PERMISSION)}
"""The permissions that a kind takes besides that of starting jobs."""

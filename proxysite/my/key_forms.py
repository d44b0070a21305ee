"""Forms for client keys: a new one, and how long the old secret stays valid in a rotation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone
from unfold.widgets import (
    INPUT_CLASSES,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from access.models import ClientKey, Team
from access.validation import validate_year
from routing.models import Route
from usage.rollups.accumulate import midnight

TAKEN = "The team {team} already has a key of this name, perhaps a revoked one. Choose another name."
_OVERLAPS = {
    "0": "not at all: it ends now",
    "1": "for one hour",
    "24": "for one day",
    "168": "for seven days",
}


class KeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new key. `owner` is whose it will be; None makes a service key, which is the team's."""

    team = forms.ModelChoiceField(Team.objects.none(), empty_label=None, widget=UnfoldAdminSelectWidget())
    expires_on = forms.DateField(
        label="Last day",
        required=False,
        validators=[validate_year],
        widget=forms.DateInput(attrs={"type": "date", "class": " ".join(INPUT_CLASSES)}),
        help_text="The key is rejected from the end of this day on. Empty: it has no last day.",
    )
    routes = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Choose those that the key is for. None chosen: every route, later ones too.",
    )

    class Meta:
        model = ClientKey
        fields = ("team", "name", "expires_on", "routes", "allowed_networks")
        widgets = {
            "name": UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
            "allowed_networks": UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        }
        labels = {"allowed_networks": "Networks"}

    field_order = ("team", "name", "expires_on", "routes", "allowed_networks")

    def __init__(self, *args: Any, teams: Iterable[Team], owner: User | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ids = [team.pk for team in teams]
        self.instance.owner = owner
        field: Any = self.fields["team"]
        field.queryset = Team.objects.filter(pk__in=ids)
        if len(ids) == 1:
            field.initial = ids[0]
            field.widget = forms.HiddenInput()
        names = Route.objects.filter(enabled=True).order_by("name").values_list("name", flat=True)
        routes: Any = self.fields["routes"]
        routes.choices = [(name, name) for name in names]
        if not routes.choices:
            del self.fields["routes"]

    def clean_expires_on(self) -> Any:
        """Rejects a day in the past."""
        day = self.cleaned_data["expires_on"]
        if day is not None and day < timezone.localdate(timezone=timezone.get_default_timezone()):
            raise forms.ValidationError("This day has passed. Choose today or a later one.")
        return day

    def clean(self) -> dict[str, Any]:
        """Rejects a name that another key of the team has, and fills in the key."""
        data: dict[str, Any] = super().clean() or {}
        team, name, day = data.get("team"), data.get("name"), data.get("expires_on")
        if team and name and ClientKey.objects.filter(team=team, name=name).exists():
            self.add_error("name", TAKEN.format(team=team))
        if day is not None:
            self.instance.expires_at = midnight(day + timedelta(days=1))
        self.instance.allowed_routes = "\n".join(data.get("routes", ()))
        return data


class RotateForm(forms.Form):
    """How long the secret before is accepted as well."""

    overlap = forms.ChoiceField(
        label="The secret of now stays valid",
        choices=list(_OVERLAPS.items()),
        initial="24",
        widget=UnfoldAdminSelectWidget(),
        help_text="So long you have to put the new one into every place that uses the key.",
    )

    def hours(self) -> timedelta:
        """Returns the chosen time."""
        return timedelta(hours=int(self.cleaned_data["overlap"]))

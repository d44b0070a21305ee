"""The form of a user: the role for the whole site is chosen with a sentence for each, and the last owner stays."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.forms import UserChangeForm
from unfold.widgets import UnfoldAdminRadioSelectWidget

from access.roles.giving import given_role
from access.roles.last_owner import refuse_without_owner
from access.roles.table import SENTENCES, SITE_ROLES, TEAM_ROLES, Role
from proxysite.console.lost_updates import MergingForm

NO_ROLE = "No role for the whole site. People have roles in teams, too: they are below, under Teams."
OF_TEAMS = " ".join(["Roles in a team are below.", *(f"{role.label}: {SENTENCES[role]}" for role in TEAM_ROLES)])

_HELP = {
    "is_active": "Off: this person cannot sign in, and their client keys have ended.",
    "is_staff": "For people without a role: they may enter this site and do what the permissions below say. "
    "A role sets it.",
}


def described(role: Role | None) -> str:
    """Returns a role with its sentence."""
    return f"None: {NO_ROLE}" if role is None else f"{role.label}: {SENTENCES[role]}"


class UserForm(MergingForm, UserChangeForm):
    """The form of whoever may change a user. Only where `gives_rights` is set does it have a role."""

    gives_rights = False
    role = forms.ChoiceField(
        required=False,
        choices=[*((role.value, described(role)) for role in SITE_ROLES), ("", described(None))],
        widget=UnfoldAdminRadioSelectWidget(),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, text in _HELP.items():
            if name in self.fields:
                self.fields[name].help_text = text
        if not self.gives_rights:
            del self.fields["role"]
        else:
            self.fields["role"].initial = given_role(self.instance) or ""

    def clean_role(self) -> str:
        """Leaves the role as it is where none was sent."""
        chosen: str = self.cleaned_data["role"]
        return chosen if self.add_prefix("role") in self.data else str(self.fields["role"].initial)

    def clean(self) -> dict[str, Any]:
        """Keeps the last owner who can sign in."""
        data: dict[str, Any] = super().clean() or {}
        if self.instance.is_superuser and self.instance.is_active:
            stays_owner = "role" not in self.fields or data.get("role") == Role.OWNER
            if not stays_owner or not data.get("is_active"):
                try:
                    refuse_without_owner(self.instance)
                except ValidationError as error:
                    self.add_error("is_active" if stays_owner else "role", error)
        return data

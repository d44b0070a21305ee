"""The form of a client key, without its secret. It offers, and takes, what its reader may see."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db.models import Prefetch
from django.utils import timezone
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from access.key_actions import owner_error
from access.models import ClientKey, Membership, Team
from access.roles.scope import visible
from access.tags import tags_of, why_invalid
from access.validation import validate_routes
from proxysite.console.lost_updates import MergingForm
from routing.models import Route


class OwnerField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A person, with the teams of theirs that the reader may see."""

    def label_from_instance(self, person: Any) -> str:
        """The name and the teams."""
        teams = ", ".join(membership.team.name for membership in person.memberships.all())
        return f"{person} ({teams})" if teams else str(person)


class ClientKeyForm(MergingForm):
    """A key without its secret, which is created on saving. `reader` is who has the page."""

    reader: Any = AnonymousUser()

    owner = OwnerField(
        get_user_model()._default_manager.none(),
        required=False,
        empty_label="Nobody: a service key of the team",
        widget=UnfoldAdminSelectWidget(),
        help_text="A member of the team. The key ends when they leave it or are disabled.",
    )
    routes = forms.MultipleChoiceField(
        label="Routes",
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="The routes that this key may use. None chosen, and no pattern: all routes, those added later too.",
    )

    class Meta:
        model = ClientKey
        fields = (
            *("team", "name", "owner", "expires_at", "routes", "allowed_routes", "allowed_networks", "shows_routing"),
            *("tags", "client_tags", "client_tags_count"),
        )
        labels = {"allowed_routes": "Patterns of routes"}
        help_texts = {
            "allowed_routes": "For routes that are added later: names, where * matches any characters, one per line, "
            "such as claude-*. They count beside the routes chosen above.",
        }
        widgets = {
            "allowed_routes": UnfoldAdminTextareaWidget(attrs={"rows": 2}),
            "allowed_networks": UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        allowed = self.instance.allowed_routes.splitlines()
        names = set(visible(self.reader, Route.objects.all()).values_list("name", flat=True))
        # A form that only shows has neither field.
        if "routes" in self.fields:
            self.fields["routes"].choices = [(name, name) for name in sorted(names)]  # type: ignore[attr-defined]
            self.initial["routes"] = [name for name in allowed if name in names]
            self.initial["allowed_routes"] = "\n".join(name for name in allowed if name not in names)
        if "owner" in self.fields:
            self.fields["owner"].queryset = self._owners()  # type: ignore[attr-defined]
        if "team" in self.fields:
            self.fields["team"].queryset = visible(self.reader, Team.objects.all())  # type: ignore[attr-defined]

    def _owners(self) -> Any:
        people = visible(self.reader, get_user_model()._default_manager.filter(memberships__isnull=False))
        if self.instance.pk is not None and "team" not in self.fields:
            people = people.filter(memberships__team=self.instance.team_id)
        if self.instance.owner_id is not None:
            people |= get_user_model()._default_manager.filter(pk=self.instance.owner_id)
        memberships = Prefetch("memberships", visible(self.reader, Membership.objects.select_related("team")))
        return people.distinct().order_by("username").prefetch_related(memberships)

    def clean_allowed_routes(self) -> str:
        """Returns one name or glob per line, without duplicates; a route's name has no white space."""
        if "allowed_routes" in self.changed_data:
            validate_routes(self.cleaned_data["allowed_routes"])
        lines = (line.strip() for line in self.cleaned_data["allowed_routes"].splitlines())
        return "\n".join(dict.fromkeys(filter(None, lines)))

    def clean_allowed_networks(self) -> str:
        """Returns one network per line, without duplicates."""
        lines = (line.strip() for line in self.cleaned_data["allowed_networks"].splitlines())
        return "\n".join(dict.fromkeys(filter(None, lines)))

    def clean_tags(self) -> str:
        """Returns the tags, separated by commas."""
        return self._tags("tags")

    def clean_client_tags(self) -> str:
        """Returns the patterns of tags, separated by commas."""
        return self._tags("client_tags")

    def _written(self, data: dict[str, Any], name: str) -> Any:
        """What the field says of the key's routes: what was chosen in it, or what it would be shown with now."""
        return (data if name in self.changed_data else self.initial).get(name, "")

    def _tags(self, field: str) -> str:
        found = dict.fromkeys(tags_of(self.cleaned_data[field]))
        # What an earlier version accepted may stay.
        if field in self.changed_data and (why := why_invalid(found)):
            raise forms.ValidationError(why)
        return ", ".join(found)

    def _get_validation_exclusions(self) -> set[str]:
        # What an earlier version accepted may stay here, too.
        unchanged = {"tags", "client_tags", "allowed_routes", "expires_at"} - set(self.changed_data)
        return {*super()._get_validation_exclusions(), *unchanged}  # type: ignore[misc]

    def clean_expires_at(self) -> Any:
        """Rejects a new time in the past; one that has passed since may stay."""
        moment = self.cleaned_data["expires_at"]
        if moment is not None and "expires_at" in self.changed_data and moment <= timezone.now():
            raise forms.ValidationError("This time has passed. Choose a later one, or revoke the key.")
        return moment

    def clean(self) -> dict[str, Any]:
        """Rejects a name that another key of the team has, and an owner who is no member of it."""
        data: dict[str, Any] = super().clean() or {}
        if "allowed_routes" in data:
            chosen, patterns = (self._written(data, name) for name in ("routes", "allowed_routes"))
            data["allowed_routes"] = "\n".join(dict.fromkeys([*(chosen or ()), *patterns.splitlines()]))
        # The form has no team where it is only shown.
        team = data.get("team") if "team" in self.fields else self.instance.team
        same = ClientKey.objects.filter(team=team, name=data.get("name")).exclude(pk=self.instance.pk)
        if team and data.get("name") and same.exists():
            self.add_error(
                "name", "This team already has a key with that name, perhaps a revoked one. Choose another name."
            )
        # An owner who has left since may stay, so that the rest of an ended key can be changed.
        if team and data.get("owner") and {"owner", "team"} & set(self.changed_data):
            error = owner_error(ClientKey(team=team, owner=data["owner"]))
            if error is not None:
                self.add_error("owner", error)
        return data

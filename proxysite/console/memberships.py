"""Memberships as rows on the page of a team or of a user: owners change them, who may see memberships sees them.

A row that is removed ends the person's keys of the team, as everywhere. It is not turned into a membership of somebody
else or of another team."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.forms import PaginationInlineFormSet

from access import memberships
from access.models import Membership
from access.permissions import may
from proxysite.console.lost_updates import MergingForm


class MembershipForm(MergingForm):
    """A membership: of an existing one only the role changes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            for name in {"team", "user"} & self.fields.keys():
                self.fields[name].disabled = True


class MembershipFormSet(PaginationInlineFormSet):
    """The rows of one page, removed by the user of `sent_request`."""

    sent_request: HttpRequest

    def delete_existing(self, obj: Membership, commit: bool = True) -> None:
        """Takes the person out of the team."""
        if commit:
            memberships.remove(self.sent_request.user, obj)  # type: ignore[arg-type]
            gone = f"{obj.user} is no member of {obj.team} any more. Their keys of this team are revoked."
            messages.success(self.sent_request, gone)


class MembershipInline(TabularInline):
    """The members of a team, or the teams of a person."""

    model = Membership
    form = MembershipForm
    formset = MembershipFormSet
    extra = 0
    hide_title = True

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Returns the formset, whose class is made anew for each request. It learns who sent it."""
        formset = super().get_formset(request, obj, **kwargs)
        formset.sent_request = request
        return formset

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Returns whether members may be added here; leads do it on their own pages."""
        return may(request.user, "access.add_membership")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Returns whether members may get another role here."""
        return may(request.user, "access.change_membership")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Returns whether members may be removed here."""
        return may(request.user, "access.delete_membership")


class MembersOfTeam(MembershipInline):
    """On a team's page."""

    fields = ("user", "role")
    autocomplete_fields = ("user",)
    verbose_name = "member"


class TeamsOfUser(MembershipInline):
    """On a user's page."""

    fk_name = "user"
    fields = ("team", "role")
    autocomplete_fields = ("team",)
    verbose_name = "team"

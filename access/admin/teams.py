"""Teams in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Count, Q, QuerySet, TextField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelect2Widget, UnfoldAdminTextareaWidget

from access.allowances.time_zones import names
from access.models import Team
from access.permissions import may
from proxysite.admin.allowances import budgets_of, limits_of
from proxysite.admin.deletions import TakesHistoryAlong
from proxysite.console.lost_updates import MergingForm, SerializedSaves
from proxysite.console.memberships import MembersOfTeam
from usage.reports import times


class TeamForm(MergingForm):
    """A team, with its time zone from a list that can be searched."""

    time_zone = forms.ChoiceField(
        required=False, widget=UnfoldAdminSelect2Widget(), help_text=Team._meta.get_field("time_zone").help_text
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A form that only shows has no field.
        if "time_zone" in self.fields:
            # What the row has stays, also where this machine does not know the name.
            known = sorted({*names(), self.instance.time_zone} - {""})
            self.fields["time_zone"].choices = [  # type: ignore[attr-defined]
                ("", f"The gateway's: {settings.TIME_ZONE}"),
                *((name, name.replace("_", " ")) for name in known),
            ]


@admin.register(Team)
class TeamAdmin(TakesHistoryAlong, SerializedSaves, ModelAdmin):
    """Teams, with a link to their keys."""

    form = TeamForm
    list_display = ["name", "enabled", "cost_centre", "keys", "created"]
    list_filter = ["enabled"]
    search_fields = ["name"]
    readonly_fields = ["budgets", "limits", "created_at"]
    fields = ["name", "enabled", "time_zone", "cost_centre", "contact", "notes", "budgets", "limits", "created_at"]
    formfield_overrides = {TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})}}
    inlines = [MembersOfTeam]
    actions_detail = ["invite"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        """Returns teams with the number of keys that are not revoked."""
        good = Q(keys__isnull=False, keys__revoked_at__isnull=True)
        teams: QuerySet[Team] = super().get_queryset(request)
        return teams.annotate(good_keys=Count("keys", filter=good))

    def get_list_display(self, request: HttpRequest) -> Any:
        """Returns the columns: keys only for those who may see them."""
        columns = super().get_list_display(request)
        return columns if may(request.user, "access.view_clientkey") else [one for one in columns if one != "keys"]

    @display(description="Created at", ordering="created_at")
    def created(self, team: Team) -> str | None:
        """When."""
        return times.when(team.created_at)

    @display(description="Client keys", ordering="good_keys")
    def keys(self, team: Any) -> str:
        """The number of keys that are not revoked, linked to all of them."""
        url = reverse("admin:access_clientkey_changelist")
        return format_html('<a class="text-link" href="{}?team__id__exact={}">{}</a>', url, team.pk, team.good_keys)

    def get_fields(self, request: HttpRequest, obj: Team | None = None) -> Any:
        """Returns the fields; a new team has no budgets and limits yet."""
        fields = super().get_fields(request, obj)
        permissions = {"budgets": "access.view_budget", "limits": "access.view_ratelimit"}
        hidden = {name for name, one in permissions.items() if obj is None or not may(request.user, one)}
        return [name for name in fields if name not in hidden]

    @display(description="Budgets")
    def budgets(self, team: Team) -> str:
        """The team's budgets, and those of each member."""
        return budgets_of(team, "team", "members_of")

    @display(description="Rate limits")
    def limits(self, team: Team) -> str:
        """The team's limits, and those of each member."""
        return limits_of(team, "team", "members_of")

    def has_invite_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Returns whether the reader may invite to any team."""
        return may(request.user, "access.add_invitation")

    @action(description="Invite", icon="person_add", permissions=["invite"])
    def invite(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Leads to the form for an invitation to this team."""
        return redirect(f"{reverse('admin:access_invitation_add')}?team={object_id}")

"""Report tokens in the admin. A secret is shown in the response to the form that made its token and nowhere else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display

from access.connect import base_url, report_lines
from access.models import ReportToken
from access.permissions import may
from access.report_tokens.tokens import give_secret, state_of
from proxysite.console.lost_updates import MergingForm, SerializedSaves
from proxysite.console.related import VisibleRelatedLinks
from proxysite.my.site import private
from usage.reports.times import when

_COLORS = {"active": "success", "disabled": "warning", "expired": "warning"}
_READS = ("usage.view_requestlog", "usage.view_statement")
"""What a token reads: whoever makes one may read it, too."""


class ReportTokenForm(MergingForm):
    """A token without its secret, which is made on saving."""

    class Meta:
        model = ReportToken
        fields = ("name", "team", "expires_at", "enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "team" in self.fields:
            self.fields["team"].empty_label = "All teams"  # type: ignore[attr-defined]

    def clean_expires_at(self) -> datetime | None:
        """Rejects a new time in the past; one that has passed since may stay."""
        moment: datetime | None = self.cleaned_data["expires_at"]
        if moment is not None and "expires_at" in self.changed_data and moment <= timezone.now():
            raise forms.ValidationError("This time has passed. Choose a later one, or disable the token.")
        return moment


@admin.register(ReportToken)
class ReportTokenAdmin(SerializedSaves, ModelAdmin):
    """Report tokens: made, watched, disabled and deleted."""

    form = ReportTokenForm
    list_display = ["name", "shown_prefix", "shown_team", "state", "expires", "last_used", "made_by"]
    list_filter = ["enabled", ("team", VisibleRelatedLinks)]
    list_select_related = ["team", "created_by"]
    search_fields = ["name", "prefix", "team__name", "created_by__username"]
    search_help_text = "Name, first characters, team or who made it"
    readonly_fields = ["shown_prefix", "shown_team", "state", "last_used", "made_by", "created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Returns whether somebody may make tokens: nobody gives rights that they do not have."""
        return super().has_add_permission(request) and all(may(request.user, one) for one in _READS)

    def get_fieldsets(self, request: HttpRequest, obj: ReportToken | None = None) -> Any:
        """Returns the fields. Of an existing token the team is only shown, so that nobody's token reads more."""
        if obj is None:
            return [(None, {"fields": ["name", "team", "expires_at"]})]
        return [
            ("State", {"fields": [*self.readonly_fields]}),
            (None, {"fields": ["name", "expires_at", "enabled"]}),
        ]

    # --- what is shown -----------------------------------------------------------------------------------------------
    @display(description="Token", ordering="prefix")
    def shown_prefix(self, token: ReportToken) -> str:
        """The first characters of the token."""
        return f"{token.prefix}…"

    @display(description="Reads", ordering="team__name")
    def shown_team(self, token: ReportToken) -> str:
        """Whose usage it reads."""
        return "all teams" if token.team is None else str(token.team)

    @display(description="State", label=_COLORS)
    def state(self, token: ReportToken) -> str:
        """Whether the token works."""
        return state_of(token)

    @display(description="Expires", ordering="expires_at", empty_value="never")
    def expires(self, token: ReportToken) -> str | None:
        """From when on the token is rejected."""
        return when(token.expires_at)

    @display(description="Last used", ordering="last_used_at")
    def last_used(self, token: ReportToken) -> str:
        """When it was last used, to the minute."""
        return when(token.last_used_at) or "never"

    @display(description="Made by", ordering="created_by__username", empty_value="a user who was deleted")
    def made_by(self, token: ReportToken) -> str | None:
        """Who made the token and so knows its secret."""
        user = token.created_by
        return None if user is None else f"{user}{'' if user.is_active else ' (disabled)'}"

    # --- making one --------------------------------------------------------------------------------------------------
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Makes the secret of a new token; only this object holds it, until the page is rendered."""
        if not change:
            obj.created_by, obj.secret = request.user, give_secret(obj)
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """Shows the secret, once. A reload sends the form again, which is rejected because the name is taken."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Report token made",
            "opts": self.opts,
            "token": obj,
            "lines": report_lines(base_url(request), obj.secret),
        }
        response = TemplateResponse(request, "access/report_token_made.html", context)
        response["Referrer-Policy"] = "no-referrer"
        return private(response)

    def render_change_form(self, request: HttpRequest, context: Any, add: bool = False, **kwargs: Any) -> HttpResponse:
        """Offers only one button to save a new token, so that nobody misses the page with the secret."""
        if add:
            context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        page: HttpResponse = super().render_change_form(request, context, add=add, **kwargs)
        return page

"""Invitations in the admin: made by owners, listed with their state, revoked. Leads have their own pages for it.

A link is shown in the response to the form that made it and nowhere else. The form has a view of its own, because
Django's holds a transaction open that would wait for the mail server.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminSelectWidget

from access import invitations, mail
from access.connect import base_url
from access.models import Invitation, Membership, Team
from access.permissions import may
from proxysite.my.site import private
from proxysite.people.forms import AddressField
from usage.reports import times


class InvitationForm(forms.Form):
    """Whom to invite, to which team, as what."""

    team = forms.ModelChoiceField(Team.objects.all(), widget=UnfoldAdminSelectWidget)
    role = forms.ChoiceField(
        choices=Membership.Role.choices,
        initial=Membership.Role.MEMBER,
        widget=UnfoldAdminRadioSelectWidget,
        help_text=Membership._meta.get_field("role").help_text,
    )
    email = AddressField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].help_text = (
            "The link is mailed there, and shown to you once. A new link to an address ends the team's earlier one."
            if mail.is_configured()
            else "A note of whom it is for: this gateway sends no mail, so the link is shown to you, once, to pass on."
        )

    def clean_team(self) -> Team:
        """Returns the team, which must be enabled for the link to work."""
        team: Team = self.cleaned_data["team"]
        if not team.enabled:
            raise forms.ValidationError("This team is disabled. Enable it first: nobody can join it.")
        return team


@admin.register(Invitation)
class InvitationAdmin(ModelAdmin):
    """Invitations: nothing of them changes but that they are used or revoked."""

    list_display = ["shown", "team", "role", "state", "invited_by", "expires", "accepted_by"]
    list_display_links = ["shown"]
    list_filter = ["role"]
    list_select_related = ["team", "invited_by", "accepted_by"]
    search_fields = ["email", "team__name", "invited_by__username", "accepted_by__username"]
    search_help_text = "Address, team or person"
    fields = ["team", "role", "email", "state", "invited_by", "created_at", "expires_at", "accepted_by", "accepted_at"]
    readonly_fields = fields
    actions = ["revoke_selected"]
    actions_detail = ["revoke"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Returns whether somebody may be invited to any team."""
        return may(request.user, invitations.INVITE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Returns False: an invitation is revoked, and another made."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Returns False: whom somebody invited stays on record."""
        return False

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Returns whether any invitation may be revoked."""
        return may(request.user, invitations.REVOKE)

    @display(description="For")
    def shown(self, invitation: Invitation) -> str:
        """The address, or that the link was passed on."""
        return invitation.email or f"link {invitation.pk}"

    @display(description="Expires at", ordering="expires_at")
    def expires(self, invitation: Invitation) -> str | None:
        """Until when the link works."""
        return times.when(invitation.expires_at)

    @display(
        description="State",
        label={
            "open": "info",
            "accepted": "success",
            "revoked": "danger",
            "expired": "warning",
            "ended": "warning",
            "team disabled": "warning",
        },
    )
    def state(self, invitation: Invitation) -> str:
        """Whether the link works."""
        return invitations.state_of(invitation)

    # --- making one --------------------------------------------------------------------------------------------------
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Shows the form; a POST makes the invitation, mails its link where there is an address, and shows it."""
        if not self.has_add_permission(request):
            raise PermissionDenied("Only owners invite to any team. Leads invite on their team's page.")
        form = InvitationForm(
            request.POST if request.method == "POST" else None,
            initial={"team": request.GET.get("team") or _only_team()},
        )
        if request.method == "POST" and form.is_valid():
            chosen = form.cleaned_data
            try:
                new = invitations.invite(request.user, chosen["team"], chosen["role"], chosen["email"])  # type: ignore[arg-type]
            except invitations.TooManyOpen as error:
                form.add_error("team", str(error))
            else:
                return self._made(request, new)
        return self._page(request, "access/invite.html", "Invite somebody", form=form)

    def _made(self, request: HttpRequest, new: invitations.NewInvitation) -> HttpResponse:
        self.log_addition(request, new.invitation, "Invited.")
        link = invitations.link_of(new.token, base_url(request))
        problem = ""
        if new.invitation.email and mail.is_configured():
            try:
                invitations.mail_link(new, link)
            except mail.NotSent as error:
                problem = str(error)
        page = self._page(
            request,
            "access/invitation_made.html",
            "Invited",
            invitation=new.invitation,
            link=link,
            problem=problem,
            another_url=f"{reverse('admin:access_invitation_add')}?team={new.invitation.team_id}",
            is_mailed=bool(new.invitation.email) and mail.is_configured() and not problem,
        )
        return private(page)

    def _page(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        frame = {**self.admin_site.each_context(request), "title": title, "opts": self.opts}
        return TemplateResponse(request, template, {**frame, **context})

    # --- revoking ----------------------------------------------------------------------------------------------------
    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Returns no actions for an invitation that was used or revoked."""
        found: list[Any] = super().get_actions_detail(request, object_id)
        unused = Invitation.objects.filter(pk=object_id, accepted_at=None, revoked_at=None).exists()
        return found if unused else []

    @action(
        description="Revoke",
        icon="block",
        permissions=["revoke"],
        variant=ActionVariant.DANGER,
        dialog={
            "title": "Revoke this invitation?",
            "description": "Its link stops working at once. You can make another.",
            "form_submit_text": "Revoke the invitation",
        },
    )
    def revoke(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Revokes one, once its dialog is confirmed by POST."""
        self._revoke(request, Invitation.objects.filter(pk=object_id))
        return HttpResponse(headers={"HX-Redirect": reverse("admin:access_invitation_change", args=[object_id])})

    @admin.action(description="Revoke selected invitations", permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        """Revokes the selected invitations."""
        self._revoke(request, queryset)

    def _revoke(self, request: HttpRequest, chosen: QuerySet[Invitation]) -> None:
        revoked = [one for one in chosen if invitations.revoke(request.user, one)]  # type: ignore[arg-type]
        for one in revoked:
            self.log_change(request, one, "Revoked.")
        names = ", ".join(map(str, revoked)) or "none, all were used or revoked before"
        messages.success(request, f"Revoked: {names}.")


def _only_team() -> int | None:
    """Returns the id of the only team that somebody may join, None where there are several."""
    ids = list(Team.objects.filter(enabled=True).values_list("pk", flat=True)[:2])
    return ids[0] if len(ids) == 1 else None

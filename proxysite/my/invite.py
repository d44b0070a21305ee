"""A lead invites to the team: a link to pass on, mailed too where the gateway sends mail, which can be revoked."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access import invitations, mail
from access.connect import base_url
from access.models import Invitation, Membership, Team
from access.roles.scope import visible
from proxysite.my import scope, shown_once
from proxysite.my.site import page as render
from proxysite.my.site import private
from proxysite.people.forms import AddressField


class InviteForm(forms.Form):
    """Whom the invitation is for."""

    email = AddressField()

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["email"].help_text = (
            "The link is mailed there, and shown to you. A new link to an address ends the team's earlier one."
            if mail.is_configured()
            else "A note of whom it is for: this gateway sends no mail, so pass the link on yourself. May be empty."
        )


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, team_id: int) -> HttpResponse:
    """Makes an invitation."""
    person = scope.person_of(request)
    team = scope.led_team(person, team_id)
    if not team.enabled or not invitations.may_invite(person, team, Membership.Role.MEMBER):
        raise Http404
    form = InviteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            new = invitations.invite(person, team, Membership.Role.MEMBER, form.cleaned_data["email"])
        except invitations.TooManyOpen as error:
            form.add_error(None, str(error))
        else:
            return _made(request, new)
    return render(request, "my/invite.html", f"Invite to {team}", form=form, team=team)


def _made(request: HttpRequest, new: invitations.NewInvitation) -> HttpResponse:
    invitation = new.invitation
    link = invitations.link_of(new.token, base_url(request))
    if invitation.email and mail.is_configured():
        try:
            invitations.mail_link(new, link)
            messages.success(request, f"The link was mailed to {invitation.email}.")
        except mail.NotSent as error:
            messages.warning(request, f"{error} Pass the link on yourself.")
    response = redirect("my:invitation", team_id=invitation.team_id, invitation_id=invitation.pk)
    shown_once.keep(request, response, _of(invitation.pk), link)
    return private(response)


@require_safe
def link_page(request: HttpRequest, team_id: int, invitation_id: int) -> HttpResponse:
    """Shows the link of an invitation that was just made."""
    team, invitation = _invitation(request, team_id, invitation_id)
    link = shown_once.read(request, _of(invitation.pk))
    if link is None:
        messages.warning(request, "The link of this invitation is shown no more. Invite again to get a new one.")
        return redirect("my:team", team_id=team.pk)
    context = {"team": team, "invitation": invitation, "link": link}
    return private(render(request, "my/invitation.html", f"Invitation to {team}", **context))


@require_POST
def copied(request: HttpRequest, team_id: int, invitation_id: int) -> HttpResponse:
    """Forgets the link."""
    team, _ = _invitation(request, team_id, invitation_id)
    response = redirect("my:team", team_id=team.pk)
    shown_once.forget(request, response)
    return response


@require_POST
def revoke(request: HttpRequest, team_id: int, invitation_id: int) -> HttpResponse:
    """Ends an invitation that nobody used."""
    team, invitation = _invitation(request, team_id, invitation_id)
    if invitations.revoke(scope.person_of(request), invitation):
        messages.success(request, "The invitation is revoked: its link works no more.")
    else:
        messages.warning(request, "This invitation was used or revoked before.")
    return redirect("my:team", team_id=team.pk)


def _invitation(request: HttpRequest, team_id: int, invitation_id: int) -> tuple[Team, Invitation]:
    person = scope.person_of(request)
    team = scope.led_team(person, team_id)
    return team, get_object_or_404(visible(person, Invitation.objects.filter(team=team)), pk=invitation_id)


def _of(invitation_id: int) -> str:
    return f"invitation {invitation_id}"

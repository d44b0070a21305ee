"""Leaving a team by oneself: a question, and the end of one's keys there."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods

from access import memberships
from access.models import Membership
from proxysite.my.site import page as render


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, team_id: int) -> HttpResponse:
    """Asks, and takes the person out of the team by POST."""
    assert isinstance(request.user, User)
    mine = Membership.objects.select_related("team", "user")
    membership = get_object_or_404(mine, team=team_id, user=request.user)
    if request.method == "POST":
        memberships.leave(membership)
        messages.success(request, f"You left {membership.team}. Your keys there are revoked.")
        return redirect("my:index")
    others = Membership.objects.filter(team=team_id, role=Membership.Role.LEAD).exclude(user=request.user)
    return render(
        request,
        "people/leave.html",
        f"Leave {membership.team}?",
        membership=membership,
        keys=memberships.keys_of(membership),
        last_lead=membership.role == Membership.Role.LEAD and not others.exists(),
    )

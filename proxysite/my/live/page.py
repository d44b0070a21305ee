"""The page of the live view, and the form with which a lead cuts a stream of the team."""

from __future__ import annotations

import json
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from access.models import Team
from access.roles.scope import may_in_team
from proxysite.live import MY_SOCKET, cutting
from proxysite.my import scope
from proxysite.my.site import page as render
from usage.live.streams import without_provider
from usage.models import Outcome, RequestLog

_ANY = "00000000-0000-0000-0000-000000000000"


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Shows what runs now and what ended last."""
    led = [team.pk for team in scope.led_teams(scope.person_of(request))]
    links = {
        "key": reverse("my:key", args=[0]).replace("/0/", "/ID/"),
        "request": reverse("my:request", args=[_ANY]).replace(_ANY, "ID"),
    }
    if led:
        links |= {"cut": reverse("my:live-cut", args=[_ANY]).replace(_ANY, "ID"), "cut-teams": json.dumps(led)}
    return render(
        request, "my/live.html", "Live", socket=MY_SOCKET, login_url=reverse("my:login"), links=links,
        outcomes=json.dumps(dict(Outcome.choices)),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def cut_page(request: HttpRequest, row_id: UUID) -> HttpResponse:
    """Shows a stream of a team that the person leads, and asks; a POST cuts it."""
    person = scope.person_of(request)
    if not scope.led_teams(person).exists():
        raise Http404
    ended = RequestLog.objects.filter(pk=row_id).first()
    if ended is not None:
        _check(person, ended.team_id)
    stream = cutting.running(row_id)
    if stream is None:
        messages.info(request, cutting.why_not_running())
        return redirect("my:live")
    _check(person, stream.team_id)
    form = cutting.CutForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        cutting.cut_and_say(request, stream, form)
        return redirect("my:live")
    return render(
        request, "my/live_cut.html", "Cut a stream", stream=without_provider(stream), form=form,
        back_url=reverse("my:live"),
    )  # fmt: skip


def _check(person: User, team_id: int | None) -> None:
    """Raises Http404 where the team's streams are not for the person to cut, whatever they may do elsewhere."""
    if not may_in_team(person, cutting.CUT, Team(pk=team_id)):
        raise Http404

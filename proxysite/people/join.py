"""Accepting an invitation: a new person chooses a name and a password, one with an account signs in and confirms.
Nothing is accepted by opening a link."""

from __future__ import annotations

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from access import invitations
from access.invitations import NotAcceptable, Problem
from access.models import Invitation
from access.sign_in import hashing
from access.sign_in.backend import SignInBackend
from proxysite.my.site import page as render
from proxysite.my.site import private
from proxysite.people import links
from proxysite.people.forms import BUSY, AccountForm

COOKIE = "invitation"
_BACKEND = f"{SignInBackend.__module__}.{SignInBackend.__qualname__}"
_NO_LINK = ("Open the link of your invitation again", "This page shows an invitation for an hour after that.")


@require_safe
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Leads from the link of an invitation to its page."""
    return links.follow(COOKIE, token, reverse("people:join"))


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Shows the invitation, and accepts it by POST."""
    token = links.token_of(request, COOKIE)
    if not token:
        return _problem(request, *_NO_LINK)
    invitation = invitations.find(invitations.hash_of(token))
    problem = invitations.problem_of(invitation, request.user)
    if problem is None and invitation is not None:
        answer = _confirm(request, invitation) if request.user.is_authenticated else _sign_up(request, invitation)
        return private(answer)
    if _is_accepted_by(request.user.pk, invitation):
        return links.forget(redirect("my:index"), COOKIE)
    return _problem(request, *(problem or Problem.UNKNOWN).value, member=problem is Problem.MEMBER)


def _confirm(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    person = request.user
    assert isinstance(person, User)
    # Whoever signed in as somebody else in another tab is asked again.
    if request.method == "POST" and request.POST.get("person") == str(person.pk):
        return _accept(request, invitation, person)
    return render(request, "people/confirm.html", f"Join {invitation.team}?", invitation=invitation)


def _sign_up(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    form = AccountForm(request.POST if "username" in request.POST else None, initial={"email": invitation.email})
    if request.method == "POST" and form.is_valid():
        try:
            answer = _accept(request, invitation, form.new_person())
        except hashing.QueueFull:
            form.add_error(None, BUSY)
        except IntegrityError:
            form.add_error("username", "Somebody took this name a moment ago. Choose another.")
        else:
            return answer
    return render(request, "people/sign_up.html", f"Join {invitation.team}", invitation=invitation, form=form)


def _accept(request: HttpRequest, invitation: Invitation, person: User) -> HttpResponse:
    try:
        invitations.accept(invitation.hash, person)
    except NotAcceptable as refused:
        # Another tab of the same person may have been quicker.
        if not _is_accepted_by(request.user.pk, invitations.find(invitation.hash)):
            return _problem(request, *refused.problem.value, member=refused.problem is Problem.MEMBER)
    if not request.user.is_authenticated:
        login(request, person, backend=_BACKEND)
    return links.forget(redirect("my:index"), COOKIE)


def _is_accepted_by(person_id: int | None, invitation: Invitation | None) -> bool:
    return person_id is not None and invitation is not None and invitation.accepted_by_id == person_id


def _problem(request: HttpRequest, title: str, what_to_do: str, *, member: bool = False) -> HttpResponse:
    answer = render(request, "people/problem.html", title, what_to_do=what_to_do, member=member)
    answer.status_code = 404
    return private(answer)

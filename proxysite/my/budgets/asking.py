"""Asking for more of a budget, and the answers: a lead's on the lead's pages, everybody's own on theirs."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import msgspec
from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextareaWidget

from access.models import IncreaseRequest
from access.roles.scope import visible
from proxysite.my import scope
from proxysite.my.budgets import shown
from proxysite.my.budgets.shown import moment, spent_of
from proxysite.my.site import page as render
from usage.budgets import increases, standing
from usage.budgets.increases import IncreaseRefused
from usage.budgets.standing import Standing
from usage.reports.formatting import dollars

ANSWERED_DAYS = 14
"""How long a person sees the answers to their requests."""
_MOST_ANSWERED = 10


class AskForm(forms.Form):
    """How much more, and what for."""

    amount = forms.DecimalField(
        label="How much more, in US dollars",
        min_value=Decimal("0.01"),
        max_value=increases.MOST,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "0.01", "inputmode": "decimal"}),
        help_text="It is added to the limit of the present period.",
    )
    reason = forms.CharField(
        label="What it is for",
        max_length=500,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Whoever decides reads it. May be empty.",
    )


class Waiting(msgspec.Struct, frozen=True):
    """A request that the reader may answer, with how its budget stands. `why_not_lasting` says why they may not raise
    the budget for good, empty where they may."""

    row: IncreaseRequest
    standing: Standing
    why_not_lasting: str

    @property
    def title(self) -> str:
        """Whose budget it is."""
        return self.standing.bound.label

    @property
    def spent(self) -> str:
        """How much of the budget is spent."""
        return spent_of(self.standing)

    @property
    def for_all(self) -> bool:
        """Whether the budget is each member's."""
        return self.standing.budget.members_of_id is not None


def to_decide(person: User) -> list[Waiting]:
    """Returns the open requests that a lead may answer."""
    return described(person, increases.to_decide(person))


def described(person: User, rows: list[IncreaseRequest]) -> list[Waiting]:
    """Returns requests with how their budgets stand, from one query."""
    found = standing.now([increases.bound_of_request(row) for row in rows])
    return [Waiting(row, one, increases.why_not_lasting(person, row)) for row, one in zip(rows, found, strict=True)]


def answered(person: User) -> list[IncreaseRequest]:
    """Returns a person's own requests that were answered lately, the newest first."""
    since = timezone.now() - timedelta(days=ANSWERED_DAYS)
    rows = _own(person).filter(decided_at__gte=since).select_related("user", "decided_by", "budget__user")
    named = rows.select_related("budget__key", "budget__team", "budget__members_of")
    return list(named.order_by("-decided_at")[:_MOST_ANSWERED])


def _own(person: User) -> QuerySet[IncreaseRequest]:
    """Returns a person's own requests in their teams, and those about budgets of their own, which are no team's."""
    rows = IncreaseRequest.objects.filter(user=person)
    return visible(person, rows) | rows.filter(team=None)


@require_http_methods(["GET", "HEAD", "POST"])
def ask_page(request: HttpRequest, budget_id: int) -> HttpResponse:
    """Asks for more of a budget."""
    person = scope.person_of(request)
    bound = increases.bound_of(person, budget_id)
    if bound is None:
        raise Http404
    form = AskForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            row = increases.ask(person, bound, form.cleaned_data["amount"], form.cleaned_data["reason"])
            messages.success(request, f"You have asked for {dollars(row.amount)} more of the budget {bound.label}.")
            return redirect("my:budgets")
        except IncreaseRefused as error:
            messages.warning(request, str(error))
            return redirect("my:budgets")
        except ValidationError as error:
            form.add_error(None, error)
    (budget,) = shown.described(person, [bound])
    return render(request, "my/budget_ask.html", "Ask for more", form=form, budget=budget)


@require_POST
def withdraw(request: HttpRequest, increase_id: int) -> HttpResponse:
    """Takes back the person's own open request."""
    person = scope.person_of(request)
    row = get_object_or_404(_own(person), pk=increase_id)
    try:
        increases.withdraw(person, row)
    except IncreaseRefused as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, "Your request is withdrawn.")
    return redirect("my:budgets")


@require_POST
def approve(request: HttpRequest, increase_id: int) -> HttpResponse:
    """Approves a request of the lead's team: for this period or, where they ticked it, from now on."""
    return _answer(request, increase_id, approved=True)


@require_POST
def decline(request: HttpRequest, increase_id: int) -> HttpResponse:
    """Declines a request of the lead's team."""
    return _answer(request, increase_id, approved=False)


def _answer(request: HttpRequest, increase_id: int, *, approved: bool) -> HttpResponse:
    person = scope.person_of(request)
    rows = visible(person, IncreaseRequest.objects.filter(team__in=scope.led_teams(person)))
    row = get_object_or_404(rows.select_related("user", "team"), pk=increase_id)
    if not increases.may_decide(person, row):
        raise Http404
    try:
        if approved:
            done = increases.approve(person, row, lasting=request.POST.get("lasting") == "on")
        else:
            done = increases.decline(person, row)
    except IncreaseRefused as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, words_of(done))
    return redirect("my:team-budgets", team_id=row.team_id)


def words_of(done: IncreaseRequest) -> str:
    """Returns what an answer changed."""
    bound = increases.bound_of_request(done)
    more = f"{dollars(done.amount)} more of the budget {bound.label}"
    if done.state == IncreaseRequest.State.DECLINED:
        return f"Declined: {done.user} gets no more of the budget {bound.label}."
    if done.lasting:
        return f"Approved: {more}, from now on. Requests pass within a second."
    (found,) = standing.now([bound])
    until = f", until {moment(found.resets_at, bound.zone)}" if found.resets_at is not None else ""
    return f"Approved: {more}{until}. Requests pass at once."

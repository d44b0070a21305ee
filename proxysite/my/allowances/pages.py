"""A lead's pages about what members and keys of the team may use: the list, and adding, changing and removing one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_safe

from access import audit
from access.allowances.models import OF_LEADS
from access.models import Budget, RateLimit, Team
from access.permissions import may
from proxysite.my import scope
from proxysite.my.allowances.forms import EACH_MEMBER, BudgetForm, RateLimitForm
from proxysite.my.allowances.shown import Inside, amount_in_words, rows_of
from proxysite.my.site import page as render
from usage.budgets import definitions


class Kind(msgspec.Struct, frozen=True):
    """Budgets or limits: the model, a lead's form, and the word for one."""

    model: Any
    form: Any
    word: str

    def may(self, person: Any, verb: str, row: Any) -> bool:
        """Whether the person may add, change or delete one."""
        return may(person, f"access.{verb}_{self.model._meta.model_name}", row)

    def inside(self, team: Team) -> Any:
        """One for each member of a team, as its leads set it."""
        return self.model(members_of=team, leads_may_change=True)


BUDGET: Final = Kind(Budget, BudgetForm, "budget")
LIMIT: Final = Kind(RateLimit, RateLimitForm, "rate limit")

_MAY_SAVE: Final = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def page(request: HttpRequest, team_id: int) -> HttpResponse:
    """Shows what binds the team, each member of it and its keys."""
    person = scope.person_of(request)
    team = scope.led_team(person, team_id)
    inside = Inside(person, team)
    return render(
        request, "my/allowances.html", f"Set budgets and limits of {team}", team=team,
        budgets=inside.lines(inside.budgets), limits=inside.lines(inside.limits), sums=inside.sums(),
        may_add_budget=BUDGET.may(person, "add", BUDGET.inside(team)),
        may_add_limit=LIMIT.may(person, "add", LIMIT.inside(team)),
    )  # fmt: skip


@_MAY_SAVE
def add_budget_page(request: HttpRequest, team_id: int) -> HttpResponse:
    """Sets a budget."""
    return _add(request, team_id, BUDGET)


@_MAY_SAVE
def add_limit_page(request: HttpRequest, team_id: int) -> HttpResponse:
    """Sets a rate limit."""
    return _add(request, team_id, LIMIT)


@_MAY_SAVE
def budget_page(request: HttpRequest, team_id: int, budget_id: int) -> HttpResponse:
    """Changes a budget."""
    return _change(request, team_id, BUDGET, budget_id)


@_MAY_SAVE
def limit_page(request: HttpRequest, team_id: int, limit_id: int) -> HttpResponse:
    """Changes a rate limit."""
    return _change(request, team_id, LIMIT, limit_id)


@_MAY_SAVE
def remove_budget_page(request: HttpRequest, team_id: int, budget_id: int) -> HttpResponse:
    """Asks whether to remove a budget, and does it by POST."""
    return _remove(request, team_id, BUDGET, budget_id)


@_MAY_SAVE
def remove_limit_page(request: HttpRequest, team_id: int, limit_id: int) -> HttpResponse:
    """Asks whether to remove a rate limit, and does it by POST."""
    return _remove(request, team_id, LIMIT, limit_id)


def _add(request: HttpRequest, team_id: int, kind: Kind) -> HttpResponse:
    person = scope.person_of(request)
    with _behind_the_lock(request):
        team = scope.led_team(person, team_id)
        if not kind.may(person, "add", kind.inside(team)):
            raise Http404
        form = _form(request, kind, team, initial={"binds": request.GET.get("key", EACH_MEMBER)})
        saved = _saved(request, kind, form, "add")
    if saved is not None:
        return _after(request, team, saved)
    return _form_page(request, kind, team, form, f"New {kind.word} in {team}")


def _change(request: HttpRequest, team_id: int, kind: Kind, row_id: int) -> HttpResponse:
    with _behind_the_lock(request):
        team, row = _row(request, team_id, kind, row_id, "change")
        form = _form(request, kind, team, instance=row)
        saved = _saved(request, kind, form, "change")
    if saved is not None:
        return _after(request, team, saved)
    return _form_page(request, kind, team, form, f"Change a {kind.word} in {team}")


def _remove(request: HttpRequest, team_id: int, kind: Kind, row_id: int) -> HttpResponse:
    with _behind_the_lock(request):
        team, row = _row(request, team_id, kind, row_id, "delete")
        amount = f"{amount_in_words(row)}, {row.bound}"
        if request.method == "POST":
            row.delete()
    if request.method == "POST":
        messages.success(request, f"Removed: {amount}. It binds nobody within a second.")
        return redirect("my:team-allowances", team_id=team.pk)
    waiting = row.increase_requests.filter(decided_at=None).count() if isinstance(row, Budget) else 0
    return render(
        request, "my/allowance_remove.html", f"Remove this {kind.word}?",
        team=team, kind=kind, amount=amount, besides=Inside(scope.person_of(request), team).besides(row),
        waiting=waiting,
    )  # fmt: skip


@contextmanager
def _behind_the_lock(request: HttpRequest) -> Iterator[None]:
    """Reads what is checked and saved by POST behind the lock that every write takes, so that nobody else's falls
    between. Every other write waits for it: make no page in it."""
    if request.method != "POST":
        yield
        return
    with transaction.atomic():
        audit.lock()
        yield


def _row(request: HttpRequest, team_id: int, kind: Kind, row_id: int, verb: str) -> tuple[Team, Any]:
    """Returns a row inside a team that the person leads and may do so to. Raises Http404, also for the team's own: an
    administrator who leads it sets that in the admin."""
    person = scope.person_of(request)
    team = scope.led_team(person, team_id)
    row = get_object_or_404(rows_of(person, team, kind.model), pk=row_id)
    if row.whom not in OF_LEADS or not kind.may(person, verb, row):
        raise Http404
    return team, row


def _form(request: HttpRequest, kind: Kind, team: Team, **fields: Any) -> Any:
    keys = scope.keys_of(scope.person_of(request), team).filter(revoked_at=None)
    return kind.form(request.POST or None, team=team, keys={key.pk: key for key in keys}, **fields)


def _saved(request: HttpRequest, kind: Kind, form: Any, verb: str) -> Any:
    """Saves what was sent and returns the row; None where nothing was sent or the form is not complete."""
    if request.method != "POST" or not form.is_valid():
        return None
    if not kind.may(scope.person_of(request), verb, form.instance):
        raise Http404
    try:
        return form.save()
    except ValidationError as error:
        # Money was spent of it meanwhile.
        form.add_error(None, error)
        return None


def _after(request: HttpRequest, team: Team, row: Any) -> HttpResponse:
    """Leads back to the list and says what was saved."""
    meaning = Inside(scope.person_of(request), team).meaning(row)
    messages.success(request, f"Saved: {amount_in_words(row)}, {row.bound}. {meaning} It holds within a second.")
    return redirect("my:team-allowances", team_id=team.pk)


def _form_page(request: HttpRequest, kind: Kind, team: Team, form: Any, title: str) -> HttpResponse:
    row = form.instance if form.instance.pk is not None else None
    inside = Inside(scope.person_of(request), team)
    own = [one for one in (inside.budgets if kind is BUDGET else inside.limits) if one.whom == "team"]
    return render(
        request, "my/allowance_form.html", title, team=team, form=form, kind=kind, row=row,
        amount="" if row is None else amount_in_words(kind.model.objects.get(pk=row.pk)),
        used=definitions.USED if getattr(form, "is_used", False) else "",
        own=[amount_in_words(one) for one in own],
    )  # fmt: skip

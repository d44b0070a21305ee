"""The statements of a team, for its leads: a list, and each as a page to print."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from access.models import Team
from access.roles.scope import visible
from proxysite.console.statements.files import pdf_response
from proxysite.my import scope
from proxysite.my.site import page as render
from usage.statements.models import Statement
from usage.statements.sheet import sheet_of


@require_safe
def list_page(request: HttpRequest, team_id: int) -> HttpResponse:
    """Shows the closed months of a team that the person leads, the last one first."""
    person = scope.person_of(request)
    team = scope.led_team(person, team_id)
    statements = visible(person, Statement.objects.filter(team_id=team.pk)).order_by("-month")
    return render(request, "my/budgets/statements.html", f"Statements of {team}", team=team, statements=statements)


@require_safe
def page(request: HttpRequest, team_id: int, number: int) -> HttpResponse:
    """Shows one statement of a team that the person leads."""
    team, statement = _statement(request, team_id, number)
    title = f"Statement {statement.number}"
    return render(request, "my/budgets/statement.html", title, team=team, sheet=sheet_of(statement))


@require_safe
def paper(request: HttpRequest, team_id: int, number: int) -> HttpResponse:
    """Sends one statement of a team that the person leads as a PDF."""
    return pdf_response(_statement(request, team_id, number)[1])


def _statement(request: HttpRequest, team_id: int, number: int) -> tuple[Team, Statement]:
    """Returns a team that the person leads and a statement of it. Raises Http404."""
    person = scope.person_of(request)
    team = scope.led_team(person, team_id)
    return team, get_object_or_404(visible(person, Statement.objects.filter(team_id=team.pk)), pk=number)

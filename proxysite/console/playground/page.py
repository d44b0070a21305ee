"""The playground in the admin: for the reader's own teams, and for all of them with the site's permission."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from access.playground.holder import USE, teams_of
from proxysite.console.playground import shared
from usage.models import RequestLog


@require_safe
@permission_required(USE, raise_exception=True)
def page(request: HttpRequest) -> HttpResponse:
    """Shows the form."""
    person = _person(request)
    context = {
        **admin.site.each_context(request),
        "title": "Playground",
        **shared.context(request, person, teams_of(person)),
        "token_url": reverse("console:playground-token"),
        "row_url": reverse("console:playground-row"),
    }
    return TemplateResponse(request, "playground/console.html", context)


@require_POST
@permission_required(USE, raise_exception=True)
def token(request: HttpRequest) -> HttpResponse:
    """Answers with a token."""
    person = _person(request)
    return shared.token(request, person, teams_of(person))


@require_safe
@permission_required(USE, raise_exception=True)
def row(request: HttpRequest) -> HttpResponse:
    """Answers with the row of a request."""

    def link(found: RequestLog) -> str:
        shown = request.user.has_perm("usage.view_requestlog")
        return reverse("admin:usage_requestlog_change", args=[found.pk]) if shown else ""

    return shared.row(request, _person(request), link)


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user

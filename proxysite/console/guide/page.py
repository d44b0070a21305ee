"""The guide on home and on a page of its own, where it is found again, and how somebody hides it from home."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from access.connect import base_url, setups
from access.key_format import PLACEHOLDER
from access.permissions import may
from proxysite.console.guide.key import teams
from proxysite.console.guide.steps import is_answered, routes_to_try, steps
from proxysite.templatetags.figures import route_to_show
from usage.reports import query

SEE = "usage.view_requestlog"
_COOKIE = "guide_hidden"
_A_YEAR = 365 * 86_400


def for_home(request: HttpRequest, *, any_usage: bool) -> dict[str, Any] | None:
    """Returns the guide's context for home, None where it is not shown: a provider that is not the demo has answered,
    the person has hidden it, or they can do nothing of it and there are figures to show."""
    if _is_hidden(request) or is_answered():
        return None
    can_act = may(request.user, "providers.add_provider") or may(request.user, "access.add_clientkey")
    return context(request) | {"may_hide": True} if can_act or not any_usage else None


def context(request: HttpRequest) -> dict[str, Any]:
    """Returns what templates/console/guide/guide.html shows."""
    routes = routes_to_try()
    may_add_key = may(request.user, "access.add_clientkey")
    shown = steps(request.user)
    # A test before saving is good, and nothing waits for it.
    following = next((step for step in shown if step.url and not step.done and not step.is_optional), None)
    return {
        "steps": shown,
        "next": following,
        "key_variant": "default" if following else "primary",
        "routes": routes,
        "only_demo": bool(routes) and all(route.is_demo for route in routes),
        "may_add_key": may_add_key,
        "teams": teams(request.user) if may_add_key else [],
        "setups": setups(base_url(request), PLACEHOLDER, routes[0].name if routes else route_to_show()),
        "placeholder": PLACEHOLDER,
        "is_first": not query.any_usage(),
        "since": int(timezone.now().timestamp() * 1000),
    }


@require_safe
@permission_required(SEE, raise_exception=True)
def page(request: HttpRequest) -> HttpResponse:
    """Shows the guide, whether it is on home or not."""
    frame = {**admin.site.each_context(request), "title": "Set-up guide"}
    return TemplateResponse(
        request, "console/guide/page.html", {**frame, "guide": context(request), "is_answered": is_answered()}
    )


@require_POST
@permission_required(SEE, raise_exception=True)
def hide(request: HttpRequest) -> HttpResponse:
    """Takes the guide off home, for this person in this browser."""
    response = HttpResponseRedirect(reverse("admin:index"))
    response.set_cookie(
        _COOKIE,
        str(request.user.pk),
        max_age=_A_YEAR,
        path=reverse("admin:index"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def _is_hidden(request: HttpRequest) -> bool:
    return not isinstance(request.user, AnonymousUser) and request.COOKIES.get(_COOKIE) == str(request.user.pk)

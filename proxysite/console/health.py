"""The Health page: the circuit of every provider, model and credential, as all workers know it, with a Reset button.

First token times and attempts in flight are those of all workers, as their rows have them.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from access.audit import record
from access.models import ClientKey
from proxysite.console.providers import health as providers_health
from proxysite.state.circuits import Line, lines
from routing.health import sharing
from routing.health.callers import keys_of, read
from streaming import runtime

RESET_BY = "reset by "
"""What `HealthState.changed_by` begins with where a person changed it."""


@require_GET
@permission_required("routing.view_healthstate", raise_exception=True)
def page(request: HttpRequest) -> HttpResponse:
    """All circuits, the unhealthy ones first."""
    figures, workers = providers_health.now()
    shown, serving = [_of_workers(line, figures) for line in _with_names(lines(), request)], runtime.current()
    context = {
        **admin.site.each_context(request),
        **providers_health.of_day(timezone.now(), request.user),
        "at": timezone.localtime(),
        "workers": workers,
        "counts_failures": serving is not None and not serving.pages_only,
        "title": "Health",
        "lines": [*(line for line in shown if line.is_unhealthy), *(line for line in shown if not line.is_unhealthy)],
        "any_unhealthy": any(line.is_unhealthy for line in shown),
        "may_reset": request.user.has_perm("routing.change_healthstate"),
        "gates": settings.CIRCUIT_BREAKER,
        "is_isolated": serving is not None and serving.sharing.failing,
    }
    return TemplateResponse(request, "console/health.html", context)


@require_POST
@permission_required("routing.change_healthstate", raise_exception=True)
def reset(request: HttpRequest) -> HttpResponse:
    """Closes one circuit, or all of them, in every worker."""
    key = request.POST.get("key", "")
    selected = [line for line in lines() if (line.key == key if key else line.is_unhealthy)]
    sharing.reset([line.key for line in selected], f"{RESET_BY}{request.user.get_username()}")
    if selected:
        names = ", ".join(line.name for line in selected)
        record("health reset", name=names, changes={"circuits": [line.key for line in selected]})
        messages.success(request, f"Reset {names}. Every worker calls them again within two seconds.")
    else:
        messages.info(request, "There was nothing to reset.")
    return HttpResponseRedirect(reverse("console:health"))


def _with_names(found: list[Line], request: HttpRequest) -> list[Line]:
    """The lines with the names of the client keys that a circuit is open for, where the user may see keys."""
    if not request.user.has_perm("access.view_clientkey"):
        return found
    ids = keys_of(line.only_for for line in found)
    names = dict(ClientKey.objects.filter(pk__in=ids).values_list("pk", "name")) if ids else {}
    return [
        msgspec.structs.replace(line, whom=_whom(line.only_for, names)) if line.only_for else line for line in found
    ]


def _whom(only_for: str, names: Mapping[int, str]) -> str:
    found = []
    for key, body in read(only_for):
        name = f"client key {names.get(key, key)}" if key else "whoever sends it"
        found.append(f"one request of {name}" if body and key else f"one request, {name}" if body else name)
    return f"only for {', '.join(found)}"


def _of_workers(line: Line, figures: Mapping[str, providers_health.Now]) -> Line:
    """The line with the figures of all workers; the first token time is the slowest worker's."""
    found = figures.get(line.key)
    if found is None:
        return line
    several = "; ".join(f"{worker}: {ms:,} ms" for worker, ms in sorted(found.first_token.items()))
    return msgspec.structs.replace(
        line,
        in_flight=found.in_flight,
        first_token_ms=max(found.first_token.values(), default=None),
        first_tokens=several,
    )

"""The Health page: the circuit of every provider, model and credential, as all workers know it, with a Reset button.

First token times and attempts in flight are those of all workers, as their rows have them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

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
from providers.models import Credential, Model, Provider
from proxysite.console.providers import health as providers_health
from routing.health import sharing
from routing.health.callers import keys_of, read
from routing.health.keys import candidate_key, credential_key, pair_key, provider_key
from routing.models import HealthState
from streaming import runtime

RESET_BY = "reset by "
"""What `HealthState.changed_by` begins with where a person changed it."""
_State = HealthState.State


class Line(msgspec.Struct, frozen=True):
    """A circuit as a line of the page; `whom` says for whom it is open.

    `in_flight` and `first_token_ms` are None where this worker has no figures.
    """

    key: str
    provider: str
    part: str
    state: str = "healthy"
    tone: str = "success"
    since: datetime | None = None
    until: datetime | None = None
    failures: int = 0
    cause: str = ""
    only_for: str = ""
    whom: str = ""
    first_token_ms: int | None = None
    in_flight: int | None = None
    first_tokens: str = ""
    """The milliseconds of each worker, where several have some."""

    @property
    def name(self) -> str:
        """The provider and the part of it that the circuit guards."""
        return f"{self.provider}: {self.part}"

    @property
    def is_unhealthy(self) -> bool:
        """Whether the circuit currently stops requests."""
        return self.tone != "success"


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


def lines() -> list[Line]:
    """A line per circuit: providers with their credentials and models."""
    rows = {row.key: row for row in HealthState.objects.all()}
    found = []
    providers = Provider.objects.filter(enabled=True).prefetch_related("credentials", "models")
    for provider in providers:
        found.append(_line(provider_key(provider.pk), provider.name, "address", rows))
        credentials = [one for one in provider.credentials.all() if one.enabled]
        models = [one for one in provider.models.all() if one.enabled]
        found += [_line(credential_key(one.pk), provider.name, f"credential {one.name}", rows) for one in credentials]
        found += [_line(candidate_key(provider.pk, one.pk), provider.name, one.name, rows) for one in models]
        found += _pairs(provider.name, credentials, models, rows)
    return found


def unhealthy_lines() -> list[Line]:
    """The circuits that currently stop requests."""
    return (
        [line for line in lines() if line.is_unhealthy] if HealthState.objects.exclude(state="closed").exists() else []
    )


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


def _pairs(
    provider: str, credentials: list[Credential], models: list[Model], rows: dict[str, HealthState]
) -> Iterator[Line]:
    """Pairs of credential and model, which have a circuit only after failures."""
    for credential in credentials:
        for model in models:
            key = pair_key(credential.pk, model.pk)
            if key in rows:
                line = _line(key, provider, f"{model.name} with credential {credential.name}", rows)
                if line.is_unhealthy:
                    yield line


def _line(key: str, provider: str, part: str, rows: dict[str, HealthState]) -> Line:
    row = rows.get(key)
    line = _local(Line(key, provider, part))
    state = _shown(row)
    if row is None or state is None:
        return line
    text, tone = state
    return msgspec.structs.replace(
        line,
        state=text,
        tone=tone,
        since=row.since,
        until=row.until,
        failures=row.failures,
        cause=row.cause,
        only_for=row.only_for,
        whom="for some client keys only" if row.only_for else "",
    )


def _shown(row: HealthState | None) -> tuple[str, str] | None:
    """The state with its tone; None for a healthy circuit."""
    if row is None or row.state == _State.CLOSED:
        return None
    waits = row.until > timezone.now()
    if row.state == _State.PAUSED:
        return ("paused", "warning") if waits else None
    if row.state == _State.HALF_OPEN:
        return "being probed", "warning"
    if not waits:
        return "next request probes", "warning"
    return "open", "warning" if row.only_for else "danger"


def _local(line: Line) -> Line:
    """The line with the failures that this worker counts of a closed circuit."""
    serving = runtime.current()
    if serving is None or serving.pages_only:
        return line
    circuit = serving.health.circuits.get(line.key)
    return msgspec.structs.replace(line, failures=0 if circuit is None else circuit.failures)


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

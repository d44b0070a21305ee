"""Which providers are not called, and have not been for long enough that it is no passing fault."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from access.outbox.alerts import Finding
from access.outbox.models import Kind
from proxysite.state.circuits import Line, unhealthy_lines
from routing.models import HealthState

CIRCUITS = "circuit:"
"""How the `once` of these findings begins."""
SECONDS = 60.0
"""How long a circuit is open, or has opened again after a probe, before anybody is alerted."""
_STATES = (HealthState.State.OPEN, HealthState.State.HALF_OPEN)


def open_circuits(now: datetime) -> list[Finding]:
    """Returns the providers with an open circuit, one finding each. Circuits that are open for some client keys or
    requests alone are faults of those."""
    lasting = Q(openings__gte=2) | Q(since__lte=now - timedelta(seconds=SECONDS))
    keys = set(HealthState.objects.filter(lasting, state__in=_STATES, only_for="").values_list("key", flat=True))
    if not keys:
        return []
    providers: dict[str, list[Line]] = {}
    for line in unhealthy_lines():
        if line.key in keys:
            providers.setdefault(line.provider, []).append(line)
    return [_finding(name, lines) for name, lines in providers.items()]


def _finding(provider: str, lines: list[Line]) -> Finding:
    parts = "\n".join(f"- {line.part}: {line.cause or 'failures'}" for line in lines)
    return Finding(
        once=f"{CIRCUITS}{provider}",
        kind=Kind.CIRCUIT,
        subject=f"The provider {provider} is not called after repeated failures",
        text=f"After repeated failures the gateway does not call these parts of the provider {provider}:\n{parts}\n"
        "Routes use their other candidates meanwhile; those without one refuse. The next requests find out whether it "
        "answers again. The page Health of the admin shows the state, and can reset it.",
        data={"provider": provider, "parts": [{"part": line.part, "cause": line.cause} for line in lines]},
        for_site=True,
    )

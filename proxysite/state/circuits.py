"""The circuit of every provider, model and credential, as all workers know it: for the Health page and alerts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec
from django.utils import timezone

from providers.models import Credential, Model, Provider
from routing.health.keys import candidate_key, credential_key, pair_key, provider_key
from routing.models import HealthState
from streaming import runtime

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

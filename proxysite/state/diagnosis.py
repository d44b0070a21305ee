"""What is known of the gateway, for its State page and as a file for whoever is to find a fault: without secrets.

Only what is chosen here leaves. Names of people, keys and teams are left out, and so is every text that a database, a
provider or a client wrote.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from django.apps import apps
from django.conf import settings
from django.core import checks
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from access.models import Alert
from proxysite.checks import CHECKS
from proxysite.state import database, overview, settings_in_force, versions
from routing.loading import revision
from routing.models import HealthState
from usage.models import SetAside

_COUNTED = (
    *("access.Team", "access.ClientKey", "access.Budget", "access.RateLimit", "auth.User"),
    *("providers.Provider", "providers.Credential", "providers.Model"),
    *("routing.Route", "routing.Candidate", "routing.Rule", "routing.Alias", "routing.Concept"),
)


class Finding(msgspec.Struct, frozen=True):
    """What a system check found; `is_error` is whether `serve` would refuse to start."""

    id: str
    text: str
    hint: str
    is_error: bool


def findings() -> list[Finding]:
    """Returns what the gateway's system checks find now, and Django's about deployment, errors first."""
    found: list[checks.CheckMessage] = []
    for check in CHECKS:
        found += check(None, databases=["default"])
    found += checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=True)
    rows = {(str(one.id), one.msg): one for one in found if not one.is_silenced()}
    return sorted(
        (Finding(str(one.id), _text(one), one.hint or "", one.is_serious()) for one in rows.values()),
        key=lambda one: (not one.is_error, not one.id.startswith("gateway."), one.id),
    )


def _text(found: checks.CheckMessage) -> str:
    # What a library says of an address may quote a part of its password.
    return f"{found.msg.partition(':')[0].rstrip('.')}." if found.id == "gateway.E013" else found.msg


def pending_migrations() -> list[str]:
    """Returns the migrations that this version has and the database has not. Raises django.db.Error."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def report(now: datetime | None = None) -> dict[str, Any]:
    """Returns the whole diagnosis as what JSON can hold. Raises django.db.Error."""
    workers = overview.processes()
    found = database.measure()
    return {
        "format": 1,
        "made_at": (now or timezone.now()).isoformat(),
        "version": versions.gateway(),
        "python": versions.python(),
        "libraries": versions.libraries(),
        "configuration": {
            "revisions": revision.numbers(),
            "rows": {label: apps.get_model(label)._default_manager.count() for label in _COUNTED},
        },
        "problems": overview.problems(workers),
        "workers": [msgspec.to_builtins(one) for one in workers],
        "housekeeping": {task: moment.isoformat() for task, moment in overview.housekeeping(workers).items()},
        "journals_on_this_host": msgspec.to_builtins(overview.journals()),
        "rows_set_aside": SetAside.objects.count(),
        "database": msgspec.to_builtins(found),
        "pending_migrations": pending_migrations(),
        "circuits": list(
            HealthState.objects.exclude(state=HealthState.State.CLOSED)
            .order_by("key")
            .values("key", "state", "cause", "failures", "openings")[:200]
        ),
        "open_alerts": list(Alert.objects.filter(ended_at=None).order_by("pk").values("kind", "level")[:200]),
        "checks": [msgspec.to_builtins(one) for one in findings()],
        "settings": [msgspec.to_builtins(one) for one in settings_in_force.in_force()],
        "time_zone": settings.TIME_ZONE,
    }

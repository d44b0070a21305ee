"""System checks of where limits are counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection

from access.allowances import stores
from providers.platforms.contract import missing_library


def redis(app_configs: Any, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.E013: REDIS_URL without the library, or with an address that is none."""
    if not settings.REDIS_URL:
        return []
    missing = missing_library("REDIS_URL", "redis.asyncio", "redis")
    if missing:
        problem, _, hint = missing.partition(". ")
        return [checks.Error(f"{problem}.", hint=hint, id="gateway.E013")]
    try:
        stores.chosen()
    except ValueError as error:
        return [
            checks.Error(
                f"REDIS_URL is no address of a Redis: {error}.",
                hint="Set it to an address such as redis://:password@host:6379/0, or leave it empty.",
                id="gateway.E013",
            )
        ]
    return []


def several_places(app_configs: Any, databases: Sequence[str] | None, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """gateway.W014: Workers that count against limits apart from each other."""
    if not databases:
        return []
    try:
        count = len(_places())
    except DatabaseError:
        return []
    if count < 2:
        return []
    return [
        checks.Warning(
            f"Workers of this gateway count in {count} places that do not know of each other, so that each rate limit "
            f"and each limit on requests at the same time allows {count} times as much. Budgets are not multiplied.",
            hint="Several hosts: set REDIS_URL to one Redis on all of them. Several servers on one host with one "
            "DATA_DIR: set WORKERS to the number of their processes. Then restart them.",
            id="gateway.W014",
        )
    ]


def _places() -> set[str]:
    """Returns where the workers count that are connected to the database now. A SQLite database has one host."""
    if connection.vendor != "postgresql":
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT application_name FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name LIKE %s",
            [f"{stores.APPLICATION} %"],
        )
        return {name for (name,) in cursor.fetchall()}

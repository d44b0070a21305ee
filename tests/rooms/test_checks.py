"""The gateway's own system checks: each speaks up when it should, says what to do, and is quiet otherwise."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.checks import run_checks
from django.utils import timezone

from providers.models import Provider
from usage.rollups.measures import BINS, COUNTS
from usage.rollups.models import UsageRollup


def warnings(databases: list[str] | None = None) -> dict[str, str]:
    """Our own findings: id -> hint."""
    return {
        str(found.id): str(found.hint)
        for found in run_checks(databases=databases)
        if str(found.id).startswith("gateway.")
    }


def test_a_sound_configuration_is_quiet() -> None:
    assert warnings() == {}


def test_a_missing_encryption_key_is_reported_with_the_way_to_one(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = []
    assert "generate_key" in warnings()["gateway.W001"]


@pytest.mark.parametrize(
    ("debug", "hosts", "found"),
    [
        (True, ["127.0.0.1", "localhost"], False),
        (True, ["gateway.example.com"], True),
        (True, ["localhost", "*"], True),
        (False, ["gateway.example.com"], False),
    ],
)
def test_debug_on_a_public_host_is_an_error(settings: Any, debug: bool, hosts: list[str], found: bool) -> None:
    settings.DEBUG, settings.ALLOWED_HOSTS = debug, hosts
    assert ("gateway.E002" in warnings()) is found


@pytest.mark.django_db
@pytest.mark.both_databases
def test_no_enabled_provider_is_reported_where_the_database_is_asked() -> None:
    assert "quickstart" in warnings(["default"])["gateway.W003"]
    off = Provider.objects.create(name="off", dialect="openai_chat", base_url="http://127.0.0.1:1", enabled=False)
    assert "gateway.W003" in warnings(["default"])
    Provider.objects.filter(pk=off.pk).update(enabled=True)
    assert warnings(["default"]) == {}


@pytest.mark.django_db
@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("requests", "days", "where", "debug", "found"),
    [
        (900, 1, "inline", False, True),
        (899, 1, "inline", False, False),
        (900, 8, "inline", False, False),
        (900, 1, "apart", False, False),
        # Somebody works on the gateway itself.
        (900, 1, "inline", True, False),
    ],
)
def test_pages_in_the_processes_of_a_busy_gateway_are_reported(
    settings: Any, requests: int, days: int, where: str, debug: bool, found: bool
) -> None:
    settings.PAGES, settings.DEBUG = where, debug
    settings.ALLOWED_HOSTS = ["localhost"]
    began = (timezone.now() - timedelta(days=days)).replace(minute=15, second=0, microsecond=0)
    # Two outcomes of one quarter of an hour, and as many requests in the hours before.
    for hours, count in ((0, requests - 300), (0, 300), (1, 500), (2, 500)):
        at = began - timedelta(hours=hours)
        values: dict[str, Any] = {name: {} if name in BINS else 0 for name in (*COUNTS, *BINS)}
        UsageRollup.objects.create(id=uuid4(), starts_at=at, overall=True, **values | {"requests": count})
    hints = warnings(["default"])
    assert ("gateway.W017" in hints) is found
    if found:
        assert "deploy/nginx.conf" in hints["gateway.W017"]

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


def test_a_misspelt_setting_for_revoked_keys_is_an_error(settings: Any) -> None:
    for value in ("finish", "cut"):
        settings.REVOKED_KEYS = value
        assert "gateway.E008" not in warnings()
    settings.REVOKED_KEYS = "Cut"
    assert "Set REVOKED_KEYS=cut" in warnings()["gateway.E008"]


def test_a_misspelt_setting_for_end_users_is_an_error(settings: Any) -> None:
    for value in ("hash", "plain", "off"):
        settings.STORE_END_USERS = value
        assert "gateway.E009" not in warnings()
    settings.STORE_END_USERS = "hashed"
    assert "Set STORE_END_USERS=hash" in warnings()["gateway.E009"]


def test_a_misspelt_setting_for_the_quota_probe_is_an_error(settings: Any) -> None:
    for value in ("answer", "forward"):
        settings.QUOTA_PROBE = value
        assert "gateway.E012" not in warnings()
    settings.QUOTA_PROBE = "on"
    assert "Set QUOTA_PROBE=answer" in warnings()["gateway.E012"]


@pytest.mark.parametrize("name", ["UNPRICED_MODELS", "UNREADABLE_BUDGETS"])
def test_a_misspelt_setting_for_budgets_is_an_error(settings: Any, name: str) -> None:
    for value in ("refuse", "serve"):
        setattr(settings, name, value)
        assert "gateway.E015" not in warnings()
    setattr(settings, name, "Serve")
    assert f"Set {name}=serve" in warnings()["gateway.E015"]


@pytest.mark.parametrize(
    ("name", "bad", "good"), [("BUDGET_SLICE_TOKENS", (0, -8000), 1), ("LONGEST_LIMIT_WAIT", (-1,), 0)]
)
def test_a_number_that_nothing_could_keep_to_is_an_error(
    settings: Any, name: str, bad: tuple[int, ...], good: int
) -> None:
    for value in bad:
        setattr(settings, name, value)
        assert [found.msg for found in run_checks() if found.id == "gateway.E006" and name in found.msg]
    setattr(settings, name, good)
    assert "gateway.E006" not in warnings()


def test_a_misspelt_place_of_pages_is_an_error(settings: Any) -> None:
    for value in ("inline", "apart"):
        settings.PAGES = value
        assert warnings() == {}
    settings.PAGES = "Apart"
    assert "Set PAGES=apart" in warnings()["gateway.E016"]


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

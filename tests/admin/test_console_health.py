"""The Health page: unhealthy circuits and their causes, permissions to reset them, and the notice on the home page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from access.models import ClientKey, Team
from providers.models import Credential, Model, Provider
from proxysite.state.models import Worker
from proxysite.state.reporter import Reporter
from routing.models import HealthState
from streaming.runtime import Runtime
from tests.admin.history import attempt_row, request_row
from tests.admin.pages import staff, text_of
from usage.models import RequestLog

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

PAGE = "/admin/console/health/"
RESET = "/admin/console/health/reset/"


@pytest.fixture
def rows() -> dict[str, Any]:
    """A provider with two credentials and two models."""
    provider = Provider.objects.create(name="openrouter", dialect="openai_chat", base_url="https://example.com/v1")
    return {
        "provider": provider,
        "keys": [Credential.objects.create(provider=provider, name=name) for name in ("main", "spare")],
        "models": [Model.objects.create(provider=provider, name=name) for name in ("large", "small")],
    }


def state(key: str, state: str = "open", seconds: float = 30, **fields: Any) -> HealthState:
    now = timezone.now()
    return HealthState.objects.create(
        **{
            "key": key,
            "state": state,
            "since": now,
            "until": now + timedelta(seconds=seconds),
            "failures": 5,
            "cause": "server",
            "changed_at": now,
            "changed_by": "somebody",
            **fields,
        }
    )


def shown(browser: Client) -> dict[str, tuple[str, str, int]]:
    """State, cause and failures by name, in the page's order."""
    return {line.name: (line.state, line.cause, line.failures) for line in browser.get(PAGE).context["lines"]}


def test_everything_is_healthy_at_first(admin_client: Client, rows: dict[str, Any]) -> None:
    assert shown(admin_client) == {
        "openrouter: address": ("healthy", "", 0),
        "openrouter: credential main": ("healthy", "", 0),
        "openrouter: credential spare": ("healthy", "", 0),
        "openrouter: large": ("healthy", "", 0),
        "openrouter: small": ("healthy", "", 0),
    }
    assert "Reset" not in text_of(admin_client.get(PAGE))


def test_unhealthy_circuits_come_first(admin_client: Client, rows: dict[str, Any]) -> None:
    provider, (main, _), (large, small) = rows["provider"], rows["keys"], rows["models"]
    state(f"candidate:{provider.pk}:{small.pk}")
    state(f"candidate:{provider.pk}:{large.pk}", seconds=-1)
    state(f"credential:{main.pk}", "half_open", cause="authentication")
    state(f"pair:{main.pk}:{large.pk}", "paused", cause="rate_limit", failures=0)
    found = shown(admin_client)
    assert list(found.items())[:4] == [
        ("openrouter: credential main", ("being probed", "authentication", 5)),
        ("openrouter: large", ("next request probes", "server", 5)),
        ("openrouter: small", ("open", "server", 5)),
        ("openrouter: large with credential main", ("paused", "rate_limit", 0)),
    ]
    assert [text for text, _, _ in list(found.values())[4:]] == ["healthy"] * 2


def test_a_pause_that_is_over_and_a_row_of_somebody_gone_are_not_shown(
    admin_client: Client, rows: dict[str, Any]
) -> None:
    state(f"pair:{rows['keys'][0].pk}:{rows['models'][0].pk}", "paused", seconds=-1)
    state("candidate:999999:999999")
    assert {text for text, _, _ in shown(admin_client).values()} == {"healthy"}


def test_reset_one(admin_client: Client, rows: dict[str, Any]) -> None:
    address, spare = f"provider:{rows['provider'].pk}", f"credential:{rows['keys'][1].pk}"
    state(address, cause="connect_timeout")
    state(spare)
    answer = admin_client.post(RESET, {"key": address}, follow=True)
    assert "Reset openrouter: address. Every worker calls them again within two seconds." in text_of(answer)
    row = HealthState.objects.get(key=address)
    assert (row.state, row.failures, row.changed_by) == ("closed", 0, "reset by admin")
    assert HealthState.objects.get(key=spare).state == "open"


def test_reset_all(admin_client: Client, rows: dict[str, Any]) -> None:
    for key in (f"provider:{rows['provider'].pk}", f"credential:{rows['keys'][1].pk}"):
        state(key)
    admin_client.post(RESET)
    assert set(HealthState.objects.values_list("state", flat=True)) == {"closed"}


def test_nothing_to_reset(admin_client: Client, rows: dict[str, Any]) -> None:
    answer = admin_client.post(RESET, {"key": "candidate:999999:999999"}, follow=True)
    assert "nothing to reset" in text_of(answer)
    assert not HealthState.objects.exists()


def test_who_may(rows: dict[str, Any]) -> None:
    key = f"provider:{rows['provider'].pk}"
    state(key)
    assert staff().get(PAGE).status_code == 403
    onlooker = staff("routing.view_healthstate")
    assert "open" in text_of(onlooker.get(PAGE))
    assert "Reset" not in text_of(onlooker.get(PAGE))
    assert onlooker.post(RESET, {"key": key}).status_code == 403
    assert HealthState.objects.get(key=key).state == "open"
    resetter = staff("routing.view_healthstate", "routing.change_healthstate")
    assert "Reset all" in text_of(resetter.get(PAGE))
    assert resetter.get(RESET).status_code == 405
    assert resetter.post(RESET, {"key": key}).status_code == 302


def test_for_whom_a_model_is_off(admin_client: Client, rows: dict[str, Any]) -> None:
    mia = ClientKey.objects.create(
        team=Team.objects.create(name="red"), name="Mia's laptop", prefix="sk-px-1", hash="0" * 64
    )
    circuit = f"candidate:{rows['provider'].pk}:{rows['models'][0].pk}"
    state(circuit, only_for=f"{mia.pk},{mia.pk}/9af3,*/ff,777777")
    whom = (
        "only for client key Mia's laptop, one request of client key Mia's laptop, one request, whoever sends it, "
        "client key 777777"
    )
    assert whom in text_of(admin_client.get(PAGE))
    onlooker = text_of(staff("routing.view_healthstate").get(PAGE))
    assert "for some client keys only" in onlooker
    assert "Mia" not in onlooker
    home = text_of(admin_client.get("/admin/"))
    assert "openrouter: large (server, for some client keys only)" in home
    admin_client.post(RESET, {"key": circuit})
    assert HealthState.objects.get(key=circuit).only_for == ""


def test_a_switched_off_circuit_breaker_is_noted(admin_client: Client, settings: Any) -> None:
    settings.CIRCUIT_BREAKER = False
    assert "no provider is skipped" in text_of(admin_client.get(PAGE))


def test_home_names_unhealthy_providers(admin_client: Client, rows: dict[str, Any]) -> None:
    assert "Not called for now" not in text_of(admin_client.get("/admin/"))
    state(f"provider:{rows['provider'].pk}", cause="connect_timeout")
    home = admin_client.get("/admin/")
    assert "Not called for now after repeated failures: openrouter: address (connect_timeout)." in text_of(home)
    assert reverse("console:health") in home.content.decode()


def test_the_page_costs_few_queries(
    admin_client: Client, rows: dict[str, Any], django_assert_max_num_queries: Any
) -> None:
    ids: dict[str, Any] = {}
    for number in range(20):
        provider = Provider.objects.create(name=f"p{number}", dialect="openai_chat", base_url="https://example.com/v1")
        Model.objects.create(provider=provider, name="m")
        state(f"provider:{provider.pk}")
        moment = timezone.now() - timedelta(minutes=number * 20)
        ids[provider.name] = request_row(provider_id=provider.pk, provider_name=provider.name, started_at=moment)
        request_row(provider_name=provider.name, started_at=moment - timedelta(seconds=1))
        request_row(provider_name=provider.name, started_at=moment + timedelta(seconds=1), outcome="failed")
    with django_assert_max_num_queries(16):
        page = admin_client.get(PAGE)
    began = dict(RequestLog.objects.filter(pk__in=ids.values()).values_list("provider_name", "started_at"))
    shown = {one["name"]: one["succeeded_at"] for one in page.context["providers"]}
    assert {name: shown[name] for name in ids} == began


def test_providers_have_their_day_and_its_failures(admin_client: Client, rows: dict[str, Any]) -> None:
    moment = timezone.now() - timedelta(hours=2)
    mine = {"provider_id": rows["provider"].pk, "provider_name": "openrouter", "started_at": moment}
    good = request_row(**mine)
    for _ in range(3):
        bad = request_row(**mine, outcome="failed", error_type="overloaded_error", http_status=529)
        attempt_row(bad, started_at=moment, provider_name="openrouter", outcome="failed")
    Provider.objects.create(name="idle", dialect="anthropic", base_url="https://example.com")
    context = admin_client.get(PAGE).context
    busy, idle = context["providers"]
    assert (busy["name"], busy["requests"], busy["error_rate"], busy["p95"]) == ("openrouter", "4", "75.0 %", "—")
    assert busy["succeeded_at"] == RequestLog.objects.get(pk=good).started_at
    assert [square["state"] for square in busy["squares"]].count("down") == 1
    assert (idle["name"], idle["error_rate"], idle["succeeded_at"]) == ("idle", "", None)
    failed = text_of(admin_client.get(busy["failed_url"]))
    assert failed.count("529") >= 3
    assert str(rows["provider"].name) in text_of(admin_client.get(busy["attempts_url"]))
    (reason,) = context["failures"]["rows"]
    assert (reason["reason"], reason["count"]) == ("overloaded error", "3")
    # Whoever may not see requests sees the circuits alone.
    assert "providers" not in staff("routing.view_healthstate").get(PAGE).context


def test_figures_of_all_workers_are_shown(admin_client: Client, rows: dict[str, Any]) -> None:
    key = f"candidate:{rows['provider'].pk}:{rows['models'][0].pk}"
    Reporter(Runtime()).write()
    row = Worker.objects.get()
    for name, figures in (("one:1:a", [2, 100]), ("two:1:a", [3, 250])):
        row.pk, row.facts = name, {**row.facts, "candidates": {key: figures}}
        row.save(force_insert=True)
    row.pk, row.seen_at = "dead:1:a", timezone.now() - timedelta(hours=1)
    row.save(force_insert=True)
    line = next(line for line in admin_client.get(PAGE).context["lines"] if line.key == key)
    assert (line.in_flight, line.first_token_ms) == (5, 250)
    assert line.first_tokens == "one:1:a: 100 ms; two:1:a: 250 ms"

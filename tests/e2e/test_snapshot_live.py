"""Whatever writes configuration is live in every server process within a second; what is broken changes nothing."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from django.utils import timezone

from access.keys import new_key
from access.models import ClientKey, Team
from providers.models import Credential, Model, Provider
from routing.models import Candidate, Route
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, make_key, make_model, make_provider, make_route, unique
from tests.harness.database import live_url
from tests.harness.forms import Admin
from tests.harness.gateway import ROOT, Gateway
from tests.harness.patience import at_best, until
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream

ONE_SECOND = 1.0
WARNING = "the configuration cannot be loaded: BrokenConfiguration"


def _wait_live(clients: list[Client], is_live: Callable[[Client], bool]) -> None:
    """Call it right after the change."""
    for client in clients:
        until(lambda client=client: is_live(client), "the change to be live")  # type: ignore[misc]


def _shown_name(client: Client, route: Route) -> str:
    answer = client.get(f"/v1/models/{route.name}")
    return str(answer.json.get("display_name", answer.status))


@pytest.fixture
def both(client: Client, hasty_client: Client) -> list[Client]:
    """Callers of two server processes on one database."""
    return [client, hasty_client]


@pytest.fixture
def route(orm: Rows, standing: Standing, gateway: Gateway, hasty_gateway: Gateway) -> Route:
    """A route that both processes know."""
    made = make_route([standing.models["openai_chat"]], display_name="before")
    gateway.wait_snapshot()
    hasty_gateway.wait_snapshot()
    return made


def test_a_form_saved_in_the_admin(both: list[Client], route: Route, gateway: Gateway) -> None:
    with Admin(gateway.base_url, by_form=True) as admin:
        admin.submit(f"/admin/routing/route/{route.pk}/change/", display_name="saved in the admin")
        _wait_live(both, lambda client: _shown_name(client, route) == "saved in the admin")


@pytest.mark.both_databases
def test_a_queryset_update(both: list[Client], route: Route) -> None:
    numbers = itertools.count(1)

    def seconds() -> float:
        name = f"update {next(numbers)}"
        began = time.monotonic()
        Route.objects.filter(pk=route.pk).update(display_name=name)
        _wait_live(both, lambda client: _shown_name(client, route) == name)
        return time.monotonic() - began

    at_best(ONE_SECOND, seconds)


@pytest.mark.both_databases
def test_a_bulk_create_and_a_delete(both: list[Client], route: Route, standing: Standing) -> None:
    team = Team.objects.create(name=unique("team"))
    new = [new_key() for _ in range(3)]
    ClientKey.objects.bulk_create(
        ClientKey(team=team, name=f"key {n}", prefix=key.prefix, hash=key.hash) for n, key in enumerate(new)
    )
    _wait_live(both, lambda client: client.with_key(new[-1].secret).get("/v1/models").status == 200)
    Candidate.objects.filter(route=route).delete()
    route.delete()
    _wait_live(both, lambda client: _shown_name(client, route) == "404")


@pytest.mark.both_databases
def test_a_shell_in_another_process(both: list[Client], route: Route) -> None:
    code = f"from routing.models import Route; Route.objects.filter(pk={route.pk}).update(display_name='from a shell')"
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", code],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": live_url()},
        check=True,
        capture_output=True,
    )
    _wait_live(both, lambda client: _shown_name(client, route) == "from a shell")


def test_a_revoked_key_stops_working(both: list[Client], route: Route, gateway: Gateway) -> None:
    key = make_key()
    gateway.wait_snapshot()
    assert both[0].with_key(key.secret).get("/v1/models").status == 200
    ClientKey.objects.filter(pk=key.row.pk).update(revoked_at=timezone.now())
    _wait_live(both, lambda client: client.with_key(key.secret).get("/v1/models").status == 401)


def test_a_provider_that_moves_takes_its_traffic_along_while_old_streams_end(
    orm: Rows, client: Client, gateway: Gateway, upstream: Upstream
) -> None:
    provider = make_provider("openai_chat", f"{upstream.base_url}/old/v1")
    route = make_route([make_model(provider)])
    gateway.wait_snapshot()
    gate = Gate()
    running = upstream.script(Reply([speak.chat_text("still "), gate, speak.chat_text("here"), speak.chat_end()]))
    with client.reading(message(route.name, running.prompt)) as reading:
        reading.until(b"still ")
        Provider.objects.filter(pk=provider.pk).update(base_url=f"{upstream.base_url}/new/v1")
        gateway.wait_snapshot()
        refused = client.post(message(route.name, "to another address"))
        assert refused.status == 503
        assert b"it was entered for another address: enter it again" in refused.raw
        credential = provider.credentials.get()
        credential.set_secret("sk-upstream-secret-0002")
        credential.save()
        gateway.wait_snapshot()
        script = upstream.script(speak.chat_answer("moved"))
        assert client.post(message(route.name, script.prompt)).stream().text == "moved"
        assert script.seen[0].path.startswith("/new/v1/")
        gate.open()
        assert reading.finish().stream().text == "still here"
    Model.objects.filter(provider=provider).update(enabled=False)
    gateway.wait_snapshot()
    answer = client.post(message(route.name, script.prompt))
    assert answer.error(503, "api_error")
    assert len(script.seen) == 1


@pytest.mark.both_databases
@pytest.mark.parametrize("breakage", ["transforms", "headers", "base_url", "capabilities", "ciphertext"])
def test_a_broken_configuration_keeps_the_last_good_one_and_says_so(
    breakage: str, orm: Rows, client: Client, gateway: Gateway, upstream: Upstream
) -> None:
    provider = make_provider("openai_chat", f"{upstream.base_url}/breaks/v1")
    model = make_model(provider)
    route = make_route([model])
    gateway.wait_snapshot()
    script = upstream.script(speak.chat_answer("as before"))
    try:
        if breakage == "ciphertext":
            Credential.objects.filter(provider=provider).update(ciphertext="gAAAAABnonsense")
        elif breakage == "capabilities":
            Model.objects.filter(pk=model.pk).update(capabilities={"not": "a list"})
        else:
            broken = {"transforms": [{"name": "no-such-transform"}], "headers": ["no", "object"], "base_url": "nowhere"}
            Provider.objects.filter(pk=provider.pk).update(**{breakage: broken[breakage]})
        until(lambda: WARNING in gateway.readiness()[1].get("warnings", []), lambda: gateway.readiness())
        assert gateway.readiness()[0] == 200
        assert client.post(message(route.name, script.prompt)).stream().text == "as before"
        with Admin(gateway.base_url) as admin:
            assert provider.name in admin.page("/admin/")
        # The obvious way out: whatever is wrong with a provider that is switched off does not matter.
        Provider.objects.filter(pk=provider.pk).update(enabled=False)
        gateway.wait_snapshot()
        assert WARNING not in gateway.readiness()[1].get("warnings", [])
    finally:
        provider.delete()
        gateway.wait_snapshot()
    assert WARNING not in gateway.readiness()[1].get("warnings", [])

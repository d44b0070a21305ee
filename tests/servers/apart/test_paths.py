"""Each part serves its own paths, and says of the others where they are."""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import httpx
import pytest
from django.contrib.auth.models import User

from access.models import Alert, Membership, RateLimit
from access.outbox.models import Kind
from proxysite.alerts.local import JOURNAL
from streaming.consumer import PAGE_PREFIXES
from tests.harness import speak
from tests.harness.call import Answer, Client, message
from tests.harness.configure import Standing, make_key, make_route, unique
from tests.harness.forms import Admin
from tests.harness.patience import PATIENCE, at_best, until
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream
from tests.report_api.live import reader, reads
from tests.servers.apart.conftest import Apart

_ONE_SECOND = 1.0


def _by_many(caller: Client, path: str) -> list[Answer]:
    """Answers to so many requests that either worker has some: each has a connection of its own."""
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(lambda _: caller.get(path), range(16)))


@pytest.fixture
def client(apart: Apart, standing: Standing) -> Client:
    """A caller of the API."""
    return Client(apart.gateway.base_url, standing.key.secret)


def test_the_gateway_has_the_api_and_says_where_the_pages_are(
    apart: Apart, client: Client, standing: Standing, upstream: Upstream
) -> None:
    script = upstream.script(speak.claude_answer("from the gateway"))
    answer = client.post(message(standing.routes["anthropic"].name, script.prompt))
    assert answer.stream().text == "from the gateway"
    assert client.get("/healthz").json == {"status": "up"}
    with client.reading(method="HEAD", path="/") as greeting:
        assert greeting.status == 200
    for path in ("/", *PAGE_PREFIXES, "/admin/login/", "/my/keys/"):
        words = client.get(path).error(404, "not_found_error")
        assert f"{path} belongs to the pages" in words
        assert f"on port {apart.pages_url.rpartition(':')[2]} of this host" in words


def test_workers_of_the_gateway_load_no_library_of_pages(apart: Apart) -> None:
    # Of the report API, and of the PDF of a statement.
    libraries = {"_pydantic_core", "_imaging"}
    workers = apart.processes("gateway")
    assert len(workers) == 2
    assert [apart.loaded(worker) & libraries for worker in workers] == [set(), set()]


def test_the_pages_have_their_files_and_say_that_the_api_is_elsewhere(apart: Apart, standing: Standing) -> None:
    pages = Client(apart.pages_url, standing.key.secret)
    for path in ("/v1/messages", "/v1/nothing", "/api/hello", "/metrics"):
        words = pages.post({}, path=path).error(404, "not_found_error")
        assert f"no POST {path}: it serves pages alone" in words
        assert "base URL" in words
    assert pages.get("/readyz").json["status"] == "ready"
    with httpx.Client(base_url=apart.pages_url, trust_env=False, timeout=PATIENCE) as http:
        assert http.get("/").headers["location"] == "/admin/"
        page = http.get("/my/login/")
        assert page.status_code == 200
        files = re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"', page.text)
        assert files
        assert {http.get(path).status_code for path in files} == {200}


def test_reports_come_from_the_process_of_the_pages(apart: Apart, client: Client, orm: Rows) -> None:
    with reader(apart.pages_url) as http:
        reads(http)
    words = client.get("/api/report/v1/me").error(404, "not_found_error")
    assert "/api/report/v1/me belongs to the pages" in words


def test_what_is_saved_in_the_pages_holds_in_every_worker_within_a_second(
    apart: Apart, client: Client, standing: Standing, orm: Rows
) -> None:
    route = make_route([standing.models["anthropic"]], display_name="before")
    apart.gateway.wait_snapshot()
    numbers = count(1)

    def everywhere(caller: Client, path: str, status: int, name: str = "") -> bool:
        answers = _by_many(caller, path)
        return all(one.status == status and one.json.get("display_name", "") == name for one in answers)

    with Admin(apart.pages_url, by_form=True) as admin:

        def seconds() -> float:
            name = f"saved in the pages, {next(numbers)}"
            admin.submit(f"/admin/routing/route/{route.pk}/change/", display_name=name)
            began = time.monotonic()
            until(lambda: everywhere(client, f"/v1/models/{route.name}", 200, name), name)
            return time.monotonic() - began

        at_best(_ONE_SECOND, seconds)

        def seconds_of_key() -> float:
            key = make_key()
            caller = client.with_key(key.secret)
            until(lambda: everywhere(caller, "/v1/models", 200), "the key to work")
            admin.submit(f"/admin/access/clientkey/{key.row.pk}/revoke/")
            began = time.monotonic()
            until(lambda: everywhere(caller, "/v1/models", 401), "the key to end")
            return time.monotonic() - began

        at_best(_ONE_SECOND, seconds_of_key)


def test_pages_show_what_the_workers_count(
    apart: Apart, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    with Admin(apart.pages_url, by_form=True) as admin:
        person = User.objects.get(username=admin.name)
        key = make_key(owner=person)
        Membership.objects.create(team=key.row.team, user=person)
        RateLimit.objects.create(key=key.row, measure="requests", per="day", most=10)
        caller = client.with_key(key.secret)
        until(lambda: all(one.json.get("limits") for one in _by_many(caller, "/v1/me")), "the limit")
        for _ in range(3):
            script = upstream.script(speak.claude_answer("counted"))
            assert caller.post(message(standing.routes["anthropic"].name, script.prompt)).status == 200
        until(lambda: "3 are used now." in admin.page(f"/my/keys/{key.row.pk}/"), lambda: apart.gateway.complaints())


def test_pages_say_what_workers_alone_know(apart: Apart, orm: Rows) -> None:
    """Their own process has no usage rows that could wait, and no requests: figures are those of the workers."""
    waiting = Alert.objects.create(
        once=f"{JOURNAL}{unique('host')}",
        kind=Kind.JOURNAL,
        for_site=True,
        subject="Rows wait",
        text="42 rows wait there.",
    )
    try:
        with Admin(apart.pages_url, by_form=True) as admin:
            assert "42 rows wait there." in admin.page("/admin/")
            until(lambda: "Attempts in flight are those of" in admin.page("/admin/console/health/"))
            assert "the worker of this page counts" not in admin.page("/admin/console/health/")
    finally:
        waiting.delete()


def test_only_workers_keep_journals_and_marks_of_budgets(apart: Apart) -> None:
    folders = [one for one in Path(apart.gateway.environment["DATA_DIR"], "journal").iterdir() if one.is_dir()]
    assert len(folders) == len(apart.processes("gateway")) == 2
    (pages,) = apart.processes("admin")
    opened = [os.readlink(one) for one in Path(f"/proc/{pages}/fd").iterdir() if one.is_symlink()]
    assert not [path for path in opened if "journal" in path]
    mapped = [pid for pid in (pages, *apart.processes("gateway")) if _maps_marks(pid)]
    assert sorted(mapped) == sorted(apart.processes("gateway"))


def _maps_marks(pid: int) -> bool:
    return "/budget-marks" in Path(f"/proc/{pid}/maps").read_text()

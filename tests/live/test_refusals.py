"""Whoever waits for a first request is shown those whose key was refused or whose path is wrong, of every worker."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable

import httpx
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from access.keys import new_key
from access.models import Membership, Team
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, unique
from tests.harness.gateway import Gateway
from tests.harness.patience import PATIENCE, at_best, until
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream
from tests.live.watching import cookies_of
from usage.live.models import RefusalSample
from usage.live.refusals import decode
from usage.models import RequestLog

pytestmark = pytest.mark.both_databases
_ASKS_EVERY = 0.5
"""Seconds between two looks of a page."""
_numbers = itertools.count(1)


class Panel:
    """A page that waits since now."""

    def __init__(self, gateway: Gateway, person: User) -> None:
        self._url = f"{gateway.base_url}/admin/console/guide/newest/"
        self._cookies = cookies_of(person)
        self.since = timezone.now()

    def ask(self, shown: str = "") -> httpx.Response:
        """One look."""
        asked = {"since": str(int(self.since.timestamp() * 1000)), "shown": shown}
        return httpx.get(self._url, params=asked, headers={"cookie": self._cookies}, trust_env=False, timeout=PATIENCE)

    def text(self) -> str:
        """What it shows."""
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", self.ask().text))

    def until_from(self, address: str) -> None:
        """Look until it shows a refused request from an address."""
        self.until_it_says(_came_from(address))

    def until_it_says(self, words: str) -> None:
        """Look until it shows some words."""
        until(lambda: words in self.text(), self.text)


def _send(gateway: Gateway, secret: str | None) -> str:
    """A request with a refused key from an address of its own, which is returned."""
    address = f"203.0.113.{next(_numbers)}"
    answer = Client(gateway.base_url, secret).get("/v1/models", headers={"x-forwarded-for": address})
    assert answer.status == 401
    return address


def _came_from(address: str) -> str:
    return f"A request came from {address}."


def _noted_by(addresses: set[str]) -> set[str]:
    """The workers that have noted some of these addresses."""
    rows = RefusalSample.objects.values_list("worker", "requests")
    return {worker for worker, notes in rows if addresses & {note.address for note in decode(bytes(notes))}}


@pytest.fixture
def panel(two_workers: Gateway, orm: Rows, person: Callable[..., User]) -> Panel:
    """A panel that both workers note refused keys for."""
    panel, sent = Panel(two_workers, person(is_staff=True, is_superuser=True)), set[str]()

    def both_do() -> bool:
        assert panel.ask().status_code in (200, 204)
        sent.add(_send(two_workers, "wrong"))
        return len(_noted_by(sent)) >= 2

    until(both_do)
    panel.since = timezone.now()
    return panel


def test_a_key_that_is_unknown_turns_up_whichever_worker_refused_it(two_workers: Gateway, panel: Panel) -> None:
    wrong, rows, workers = new_key(), RequestLog.objects.count(), set[str]()
    while len(workers) < 2:
        address = _send(two_workers, wrong.secret)
        panel.until_from(address)
        workers |= _noted_by({address})
    text = panel.text()
    assert f"Its key {wrong.prefix}… is whole, and this gateway does not know it" in text
    assert "Use the key shown here" in text
    assert "GET /v1/models was answered with HTTP 401" in text
    # At most three addresses, and what is shown already is not sent again.
    assert 1 <= text.count("A request came from") <= 3
    (mark,) = re.findall(r'data-gateway-row="([^"]+)"', panel.ask().text)
    assert panel.ask(mark).status_code == 204
    kept = b"".join(bytes(row.requests) for row in RefusalSample.objects.all())
    assert wrong.secret[10:20].encode() not in kept
    assert RequestLog.objects.count() == rows


def test_it_does_so_within_a_second(two_workers: Gateway, panel: Panel) -> None:
    def seconds() -> float:
        address, sent_at = _send(two_workers, None), time.monotonic()
        while _came_from(address) not in (text := panel.text()):
            time.sleep(_ASKS_EVERY)
        assert "It had no key." in text
        return time.monotonic() - sent_at

    at_best(1.0, seconds)


def test_a_request_with_a_row_ends_what_was_refused_before(
    two_workers: Gateway, panel: Panel, standing: Standing, upstream: Upstream
) -> None:
    address = _send(two_workers, "wrong")
    panel.until_from(address)
    script = upstream.script(speak.chat_answer("hello"))
    body = message(standing.routes["openai_chat"].name, script.prompt)
    assert Client(two_workers.base_url, standing.key.secret).post(body).status == 200
    until(lambda: "The request" in panel.text())
    assert "A request came from" not in panel.text()
    later = _send(two_workers, "wrong")
    panel.until_from(later)
    assert "The request" in panel.text()


def test_a_path_of_a_wrong_base_url_turns_up_with_the_right_one(
    two_workers: Gateway, panel: Panel, standing: Standing
) -> None:
    address = f"203.0.113.{next(_numbers)}"
    for secret, path, shown in (
        (standing.key.secret, "/hunter2/v1/messages", "/…/v1/messages"),
        (standing.key.secret, "/v1/chat/completions", "/v1/chat/completions"),
        ("wrong", "/admin/v1/messages", "/…/v1/messages"),
    ):
        answer = Client(two_workers.base_url, secret).post({}, path=path, headers={"x-forwarded-for": address})
        assert "base URL" in answer.error(404, "not_found_error")
        panel.until_it_says(f"POST {shown} was answered with HTTP 404")
        panel.since = timezone.now()
    kept = b"".join(bytes(row.requests) for row in RefusalSample.objects.all())
    assert b"hunter2" not in kept
    Client(two_workers.base_url, "wrong").post({}, path="/v1/responses", headers={"x-forwarded-for": address})
    panel.until_it_says("That is the API of OpenAI")
    assert "Its key is not one of" in panel.text()
    assert f"with {two_workers.base_url} for its base URL" in panel.text()


def test_who_may_not_see_rows_gets_nothing(two_workers: Gateway, orm: Rows, person: Callable[..., User]) -> None:
    lead = person(is_staff=True)
    Membership.objects.create(team=Team.objects.create(name=unique("team")), user=lead, role="lead")
    assert Panel(two_workers, lead).ask().status_code == 403

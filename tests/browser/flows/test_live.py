"""Make a key, use it, and see its row appear in the live view; filter, pause, cut the stream; go on after a restart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from access.audit.models import AuditEntry
from access.models import Team
from tests.browser import axe
from tests.browser.layout import each_look, sticking_out
from tests.browser.steps import shows, sign_in
from tests.browser.visits import Visits
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import make_model, make_provider, make_route, unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream

_SECRET = re.compile(r"sk-px-[0-9A-Za-z]{49}")
PATH = "/admin/console/live/"
_NOTES_TEXTS = """
() => {
  const state = document.querySelector("[data-live-state]");
  window.said = [];
  new MutationObserver(() => said.push(state.textContent)).observe(state, {childList: true, characterData: true});
}
"""
"""Keeps what the page says of itself, which may stand there for a second alone."""


@pytest.fixture
def team(orm: Rows) -> Iterator[Team]:
    """A team without keys."""
    made = Team.objects.create(name=unique("watched"))
    yield made
    made.delete()


def _make_key(page: Page, gateway: Gateway, team: Team, name: str) -> str:
    page.goto(f"{gateway.base_url}/admin/access/clientkey/add/")
    page.locator("[name=team]").select_option(str(team.pk))
    page.locator("[name=name]").fill(name)
    page.locator("[name=_save]").click()
    shows(page, "shown only once")
    found = _SECRET.search(page.content())
    assert found is not None
    gateway.wait_snapshot()
    return found.group()


def _row(page: Page, which: str, name: str) -> Locator:
    return page.locator(f"[data-live-{which}] tr").filter(has_text=name)


def test_a_key_is_used_and_its_stream_cut(
    visits: Visits,
    visitor: Page,
    administrator: str,
    team: Team,
    gateway: Gateway,
    upstream: Upstream,
    orm: Rows,
) -> None:
    # The provider stays silent for as long as the browser looks.
    provider = make_provider("openai_chat", f"{upstream.base_url}/watched/v1", idle_timeout=1800)
    route = make_route([make_model(provider)]).name
    sign_in(visitor, gateway, administrator)
    name = unique("live key")
    secret = _make_key(visitor, gateway, team, name)
    visitor.locator("#nav-sidebar").get_by_text("Live", exact=True).click()
    shows(visitor, "Live: 0 streams in 1 worker")
    gate = Gate()
    script = upstream.script(Reply([speak.opening("openai_chat", "so far "), gate, *speak.chat_answer("rest").steps]))
    body = message(route, script.prompt)
    with ExitStack() as stack:
        stack.callback(gate.open)
        stream = stack.enter_context(Client(gateway.base_url, secret).reading(body))
        stream.until(b"so far")
        row = _row(visitor, "running", name)
        expect(row).to_contain_text(route)
        expect(row).to_contain_text("≈ ")
        expect(row.get_by_role("link", name=name, exact=True)).to_have_attribute(
            "href", re.compile(r"/admin/access/clientkey/\d+/")
        )

        visitor.locator("[data-live-filter]").fill("nothing like it")
        expect(row).to_have_count(0)
        shows(visitor, "Nothing here fits the filter.")
        visitor.locator("[data-live-filter]").fill(f"{team.name} {name}")
        expect(row).to_have_count(1)
        # It stands still while it is paused.
        visitor.get_by_role("button", name="Pause").click()
        shows(visitor, "Paused")
        visitor.get_by_role("button", name="Go on").click()

        wrong = {}
        for look in each_look(visitor, gateway, [PATH]):
            expect(_row(visitor, "running", name)).to_have_count(1)
            if found := [*sticking_out(visitor), *axe.serious(visitor)]:
                wrong[look] = found
        assert wrong == {}

        visitor.goto(gateway.base_url + PATH)
        _row(visitor, "running", name).get_by_role("link", name="Cut the stream").click()
        shows(visitor, "The key goes on working")
        assert axe.serious(visitor) == []
        visitor.get_by_label("Why").fill("it repeats itself")
        visitor.get_by_role("button", name="Cut the stream").click()
        shows(visitor, f"The stream of {name}")
        _, failure = stream.finish().broken_stream()
        assert failure["type"] == "permission_error"
    ended = _row(visitor, "ended", name)
    expect(ended).to_contain_text("cut_by_administrator")
    expect(_row(visitor, "running", name)).to_have_count(0)
    entry = AuditEntry.objects.get(action="stream cut asked for", person_name=administrator)
    assert "it repeats itself" in entry.changes
    kept = orm.request(stream.headers["request-id"])
    assert (kept.outcome, kept.error_code) == ("interrupted", "cut_by_administrator")
    ended.get_by_role("link").first.click()
    shows(visitor, "cut this answer off")


def test_it_says_that_it_is_disconnected_and_comes_back(
    visitor: Page, administrator: str, gateway: Gateway, orm: Rows
) -> None:
    offers: list[WebSocketRoute] = []

    def pass_on(offer: WebSocketRoute) -> None:
        offers.append(offer)
        offer.connect_to_server()

    visitor.route_web_socket(re.compile(r"/live/socket$"), pass_on)
    sign_in(visitor, gateway, administrator)
    visitor.goto(gateway.base_url + PATH)
    shows(visitor, "Live: ")
    visitor.evaluate(_NOTES_TEXTS)
    offers[0].close(code=1012)
    visitor.wait_for_function("""
        () => said.findIndex((text) => text.startsWith("Disconnected. Trying again in")) <
          said.findLastIndex((text) => text.startsWith("Live: "))
          && said.some((text) => text.startsWith("Disconnected. Trying again in"))
    """)
    assert len(offers) == 2
    # Whoever is signed out is told so, and not connected again.
    offers[1].close(code=4401)
    shows(visitor, "You are signed out: sign in")
    expect(visitor.get_by_role("link", name="sign in")).to_have_attribute(
        "href", f"/admin/login/?next={quote(PATH, '')}"
    )

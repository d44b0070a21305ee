"""From an empty data folder to the first answer: of the demo at once, of a provider of one's own in a few clicks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from django.conf import LazySettings
from playwright.sync_api import Page, expect

from proxysite.quickstart.provision import ADMIN_NAME, provision
from tests.browser import axe
from tests.browser.steps import leave
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import make_key, make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply, Script, Step
from tests.harness.upstream import Upstream
from usage.live.models import RefusalSample

MOST_CLICKS = 12
_COUNT = """
for (const kind of ["pointerdown", "submit"]) addEventListener(kind, (event) => {
  // A form that is sent with Enter counts as a click.
  if (kind === "submit" && event.submitter?.matches(":active, :focus")) return;
  sessionStorage.setItem("clicks", String(Number(sessionStorage.getItem("clicks")) + 1));
}, true);
"""
_SECRET = re.compile(r"sk-px-[0-9A-Za-z]{49}")


@pytest.fixture
def fresh(visitor: Page, own_database: Rows, settings: LazySettings) -> Iterator[tuple[Gateway, str]]:
    """What a first `make run` leaves, running with its demo, and the password of `admin`."""
    settings.DEMO_UPSTREAM = True
    gateway = Gateway("first", env={"DEMO_UPSTREAM": "true"})
    password = provision({}, gateway.port).password
    assert password is not None
    try:
        yield gateway.start(), password
        leave(visitor)
    finally:
        gateway.stop()


def _sign_in(page: Page, gateway: Gateway, password: str) -> None:
    page.goto(f"{gateway.base_url}/admin/")
    page.locator("[name=username]").fill(ADMIN_NAME)
    page.locator("[name=password]").fill(password)
    page.get_by_role("button", name="Log in").click()


def _server(upstream: Upstream, *, gate: Gate | None = None) -> tuple[str, Script]:
    """The base URL of a server of one's own that lists a model, and what it saw; it answers in two parts, the second
    after `gate`."""
    mark = "script-00f1257a4c0e"
    listed = json.dumps({"object": "list", "data": [{"id": "house-model", "object": "model"}]}).encode()
    words: tuple[Step, ...] = (
        speak.chat_text("Four, "),
        *([gate] if gate is not None else []),
        speak.chat_text("it is."),
    )
    answer = Reply([speak.chat_chunk({"role": "assistant"}), *words, speak.chat_end()])
    script = Script(
        {
            f"/{mark}/v1/models": [Reply([listed], headers={"content-type": "application/json"})],
            f"/{mark}/v1/chat/completions": [answer],
        },
        mark,
    )
    upstream.play(script)
    return f"{upstream.base_url}/{mark}/v1", script


def test_from_an_empty_folder_to_a_streamed_answer_of_a_second_provider(
    visitor: Page, fresh: tuple[Gateway, str], upstream: Upstream
) -> None:
    gate = Gate()
    base_url, script = _server(upstream, gate=gate)
    visitor.add_init_script(_COUNT)
    _sign_in(visitor, *fresh)
    visitor.get_by_role("link", name="Add a provider").click()
    visitor.get_by_role("link", name="vLLM").click()
    visitor.locator("[name=base_url]").fill(base_url)
    visitor.locator("[data-gateway-trial]").click()
    expect(visitor.locator("[data-gateway-trial-result]")).to_contain_text("house-model")
    visitor.get_by_role("button", name="Save and choose models").click()
    visitor.get_by_role("checkbox", name="house-model").check()
    visitor.get_by_role("button", name="Add and make routes").click()
    visitor.get_by_role("button", name="Make routes").click()
    visitor.get_by_role("link", name="make a key and send a first request").click()

    visitor.get_by_role("button", name="Make a key").click()
    expect(visitor.locator("[data-gateway-secret]")).to_have_text(_SECRET)
    visitor.get_by_role("button", name="Send").click()
    # It streams: the first words are there while the server still waits.
    expect(visitor.locator("[data-gateway-answer]")).to_have_text("Four, ")
    gate.open()
    expect(visitor.locator("[data-gateway-answer]")).to_have_text("Four, it is.")
    expect(visitor.locator(".gw-newest")).to_contain_text("Answered by house-model")
    expect(visitor.locator(".gw-newest")).to_contain_text("this gateway is set up")
    clicks = int(visitor.evaluate("sessionStorage.getItem('clicks')"))
    assert 8 < clicks <= MOST_CLICKS, f"{clicks} clicks"
    assert script.seen[-1].path.endswith("/chat/completions")

    # The guide has done its work.
    visitor.locator("#nav-sidebar").get_by_text("Home", exact=True).click()
    expect(visitor.locator(".gw-six")).to_be_visible()
    expect(visitor.locator("[data-gateway-guide]")).to_have_count(0)


def test_on_the_demo_a_key_and_a_request_work_at_once(visitor: Page, fresh: tuple[Gateway, str]) -> None:
    _sign_in(visitor, *fresh)
    expect(visitor.locator("[data-gateway-guide]")).to_contain_text("Waiting for your first request")
    visitor.get_by_role("button", name="Make a key").click()
    expect(visitor.locator("[data-gateway-secret]")).to_be_visible()
    visitor.get_by_role("button", name="Send").click()
    expect(visitor.locator("[data-gateway-answer]")).to_contain_text("4")
    expect(visitor.locator(".gw-newest")).to_contain_text("Completed", ignore_case=True)
    expect(visitor.locator(".gw-newest")).not_to_contain_text("set up")
    # An answer of the demo does not end it.
    visitor.locator("#nav-sidebar").get_by_text("Home", exact=True).click()
    expect(visitor.locator("[data-gateway-guide]")).to_be_visible()
    expect(visitor.locator(".gw-six")).to_be_visible()


def test_a_refused_request_turns_up_with_its_reason_and_what_to_do(
    visitor: Page, owned: Callable[[], Gateway], own_database: Rows
) -> None:
    key = make_key()
    empty = make_route([], name="empty")
    make_route([make_model(make_provider("openai_chat", "http://127.0.0.1:9/v1"))])
    gateway = owned()
    expect(visitor.locator("[data-gateway-guide]")).to_contain_text("Waiting for your first request")
    sentence = Client(gateway.base_url, key.secret).post(message(empty.name)).error(503, "api_error")
    assert "it has no candidates" in sentence
    newest = visitor.locator(".gw-newest")
    expect(newest).to_contain_text("it has no candidates")
    newest.get_by_role("link", name="Routes").click()
    visitor.wait_for_url("**/routing/route/")


def test_a_wrong_key_and_a_wrong_base_url_turn_up_with_what_to_do(visitor: Page, owned: Callable[[], Gateway]) -> None:
    key = make_key()
    gateway = owned()
    panel = visitor.locator("[data-gateway-newest]")
    expect(panel).to_contain_text("Waiting for your first request")
    client = Client(gateway.base_url, key.secret[:-1])
    with visitor.expect_response(lambda answer: "/newest/" in answer.url and answer.status == 200):
        # Workers notice within a third of a second that somebody waits.
        until(lambda: client.get("/v1/models").status == 401 and RefusalSample.objects.exists())
    expect(panel).to_contain_text("A request came from 127.0.0.1, the address of this browser.")
    expect(panel).to_contain_text(f"Its key {key.row.prefix}… has 54 characters, and keys of this gateway have 55.")
    expect(panel).to_contain_text("Copy the whole key anew")
    expect(panel).to_contain_text("Waiting for one with a key of this gateway")
    Client(gateway.base_url, key.secret).post({}, path="/admin/v1/messages").error(404, "not_found_error")
    expect(panel).to_contain_text(f"Set the client's base URL to {gateway.base_url}, without a path and without /v1.")
    expect(panel).to_contain_text("POST /…/v1/messages was answered with HTTP 404.")
    assert axe.serious(visitor) == []


def test_the_tabs_of_clients_are_chosen_with_the_keyboard(visitor: Page, owned: Callable[[], Gateway]) -> None:
    key = make_key()
    gateway = owned()
    visitor.goto(f"{gateway.base_url}/admin/access/clientkey/{key.row.pk}/change/")
    tabs, lines = visitor.get_by_role("tab"), visitor.get_by_role("tabpanel")
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text(f'"ANTHROPIC_BASE_URL": "{gateway.base_url}"')
    tabs.first.focus()
    for pressed, name, words in (
        ("ArrowRight", "Python", "from anthropic import Anthropic"),
        ("ArrowRight", "TypeScript", "@anthropic-ai/sdk"),
        ("End", "curl", "curl -N"),
        ("ArrowRight", "Claude Code", "settings.json"),
        ("ArrowLeft", "curl", "curl -N"),
        ("Home", "Claude Code", "settings.json"),
    ):
        visitor.keyboard.press(pressed)
        expect(visitor.get_by_role("tab", name=name)).to_be_focused()
        expect(visitor.get_by_role("tab", selected=True)).to_have_text(name)
        expect(lines).to_have_count(1)
        expect(lines).to_contain_text(words)
    # Tab leads from the tabs into the lines, and what is copied is what is shown.
    visitor.keyboard.press("Tab")
    expect(lines.locator("pre").first).to_be_focused()
    assert axe.serious(visitor) == []

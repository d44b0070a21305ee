"""The playground in a browser: a member asks two routes at once, reads text, thinking and calls, stops an answer,
is told what is wrong beside the field, and finds the cost and the row; a signed-out one loses nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from access.models import Membership, Team
from tests.browser.layout import fits
from tests.browser.steps import fill, press, shows, sign_in
from tests.browser.visits import Visits
from tests.harness import speak
from tests.harness.configure import Standing, unique
from tests.harness.forms import PASSWORD, delete_users
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply
from tests.harness.speakers.parts import Text, Thinking, call
from tests.harness.upstream import Upstream
from usage.models import RequestLog


@pytest.fixture
def member(orm: Rows) -> Iterator[User]:
    """A member of a team of their own."""
    person = User.objects.create_user(unique("member"), password=PASSWORD)
    Membership.objects.create(team=Team.objects.create(name=unique("green")), user=person)
    yield person
    delete_users(pk=person.pk)


@pytest.fixture
def page(visits: Visits, gateway: Gateway, member: User) -> Page:
    """The member's playground, opened from the sidebar's page."""
    visitor = visits.begin()
    sign_in(visitor, gateway, member.username)
    visitor.goto(f"{gateway.base_url}/my/playground/")
    return visitor


def test_two_routes_answer_beside_each_other(
    page: Page, visits: Visits, gateway: Gateway, standing: Standing, upstream: Upstream, member: User, orm: Rows
) -> None:
    claude, chat = standing.routes["anthropic"].name, standing.routes["openai_chat"].name
    script = upstream.script(
        anthropic=[speak.reply("anthropic", Thinking("Let me see"), Text(("It is four.",)))],
        openai_chat=[speak.reply("openai_chat", Text(("Four!",)), call("get_weather", '{"city": "Bern"}'))],
    )
    press(page, "Put an example in")
    fill(page, model=claude, second=chat, system="Be short.", prompt=f"{script.prompt} isn't it", max_tokens="3000")
    page.get_by_label("Thinking", exact=True).check()
    press(page, "Send")
    first, second = page.locator(".pg-answer").nth(0), page.locator(".pg-answer").nth(1)
    expect(first).to_contain_text("It is four.")
    expect(first).to_contain_text("Let me see")
    expect(first.locator(".pg-events")).to_contain_text("event: message_stop")
    expect(first.locator(".pg-state")).to_contain_text("200 · ended with end_turn")
    expect(second).to_contain_text("Tool call: get_weather")
    expect(second.locator(".pg-tool_use")).to_contain_text("Bern")
    for answer in (first, second):
        expect(answer.locator(".pg-cost")).to_contain_text("cost $")
        expect(answer.locator(".pg-headers")).to_contain_text("request-id: req_")
    sent = [seen.body for seen in script.seen]
    assert all("Be short." in json.dumps(body) and "get_weather" in json.dumps(body) for body in sent)
    curl = page.locator("[data-curl]").text_content() or ""
    assert f"{gateway.base_url}/v1/messages" in curl
    assert "$ANTHROPIC_API_KEY" in curl
    assert "isn'\\''t it" in curl
    assert "pg-px-" not in page.content()

    rows = RequestLog.objects.filter(owner_id=member.pk)
    assert {(row.key_id, *(row.tags or ()), row.outcome) for row in rows} == {(None, "playground", "completed")}
    first.get_by_role("link", name="The usage row").click()
    shows(page, "none: sent from the playground")
    fits(page, gateway, ["/my/playground/"])


def test_an_answer_is_stopped(page: Page, standing: Standing, upstream: Upstream, member: User, orm: Rows) -> None:
    gate = Gate()
    script = upstream.script(Reply([speak.opening("anthropic", "Once upon"), gate]))
    fill(page, model=standing.routes["anthropic"].name, prompt=script.prompt)
    page.locator("[name=prompt]").press("Control+Enter")
    shows(page, "Once upon")
    page.locator("[data-stop-one]").click()
    shows(page, "Stopped by you")
    expect(page.locator(".pg-cost")).to_contain_text("cost $")
    gate.open()
    assert RequestLog.objects.get(owner_id=member.pk).outcome == "client_closed"


def test_what_is_wrong_stands_beside_its_field_and_what_was_refused_in_its_answer(
    page: Page, visits: Visits, gateway: Gateway, standing: Standing, upstream: Upstream, member: User
) -> None:
    fill(page, model=standing.routes["anthropic"].name, tools="[{", prompt="Kept text")
    press(page, "Send")
    expect(page.locator("#wrong-tools")).to_contain_text("This is not JSON")
    assert page.locator("[name=tools]").get_attribute("aria-invalid") == "true"
    fill(page, tools="[5]")
    press(page, "Send")
    expect(page.locator(".pg-answer .pg-problem")).to_be_visible()
    expect(page.locator(".pg-state")).to_contain_text("400 · invalid_request_error")
    visits.provoked(400, "/v1/messages")

    fill(page, tools="")
    Session.objects.all().delete()
    press(page, "Send")
    shows(page, "You are signed out. Sign in again in another tab")
    expect(page.locator("[name=prompt]")).to_have_value("Kept text")

    other = page.context.new_page()
    sign_in(other, gateway, member.username)
    script = upstream.script(speak.answer("anthropic", "Back again"))
    fill(page, prompt=script.prompt)
    press(page, "Send")
    shows(page, "Back again")
    visits.provoked(403, "/my/playground/token/")

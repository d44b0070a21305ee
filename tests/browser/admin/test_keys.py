"""Client keys in a browser: made, seen once and used; disabled, enabled and rotated."""

from __future__ import annotations

import re

from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from access.models import ClientKey, Membership, Team
from tests.browser.layout import sticking_out
from tests.browser.steps import shows, sign_in
from tests.browser.visits import PHONE
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, make_key, unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream

_SECRET = re.compile(r"sk-px-[0-9A-Za-z]{49}")


def _secret(page: Page) -> str:
    """The secret on the page, which says that it is not shown again."""
    shows(page, "shown only once")
    found = _SECRET.search(page.content())
    assert found is not None
    return found.group()


def test_an_administrator_makes_a_key_and_uses_it(
    visitor: Page, administrator: str, gateway: Gateway, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    team = Team.objects.create(name=unique("browsing team"))
    sign_in(visitor, gateway, administrator)
    visitor.goto(f"{gateway.base_url}/admin/access/clientkey/add/")
    visitor.locator("[name=team]").select_option(str(team.pk))
    visitor.locator("[name=name]").fill("Browser key")
    visitor.locator("[name=_save]").click()
    secret = _secret(visitor)
    assert f"export ANTHROPIC_BASE_URL={gateway.base_url}" in visitor.content()
    key = ClientKey.objects.get(team=team)
    assert secret.startswith(key.prefix)
    # Shown once: on no page after this one.
    for path in ("/admin/access/clientkey/", f"/admin/access/clientkey/{key.pk}/change/", "/admin/"):
        visitor.goto(gateway.base_url + path)
        assert secret not in visitor.content()
    gateway.wait_snapshot()
    script = upstream.script(speak.chat_answer("Hello, browser"))
    answer = Client(gateway.base_url, secret).post(message(standing.routes["openai_chat"].name, script.prompt))
    assert answer.stream().text == "Hello, browser"
    row = orm.request(answer.request_id)
    visitor.goto(f"{gateway.base_url}/admin/usage/requestlog/")
    shows(visitor, row.route_name)
    shows(visitor, "Browser key")


def test_a_key_is_disabled_enabled_and_rotated(
    visitor: Page, administrator: str, gateway: Gateway, standing: Standing, orm: Rows
) -> None:
    team, mia = Team.objects.create(name=unique("team")), User.objects.create_user(unique("mia"))
    Membership.objects.create(team=team, user=mia)
    key = make_key(team, owner=mia)
    address = f"/admin/access/clientkey/{key.row.pk}"
    sign_in(visitor, gateway, administrator)
    visitor.goto(f"{gateway.base_url}{address}/change/")
    expect(visitor.locator("body")).to_contain_text("active")
    for action, word in (("disable", "disabled"), ("enable", "active")):
        visitor.locator(f"[hx-get='{address}/{action}/'], a[href='{address}/{action}/']").filter(visible=True).click()
        visitor.locator("button").filter(has_text=f"{action.capitalize()} the key").click()
        shows(visitor, f"{action.capitalize()}d: {key.row}")
        assert (ClientKey.objects.get(pk=key.row.pk).disabled_at is not None) == (word == "disabled")
        expect(visitor.locator("body")).to_contain_text(word)
    visitor.goto(f"{gateway.base_url}{address}/rotate/")
    visitor.locator("[name=hours]").fill("0")
    visitor.locator("button").filter(has_text="Rotate and show").click()
    secret = _secret(visitor)
    gateway.wait_snapshot()
    assert Client(gateway.base_url, secret).get("/v1/me").status == 200
    assert "was rotated" in str(Client(gateway.base_url, key.secret).get("/v1/me").error(401, "authentication_error"))
    # Nothing sticks out of a telephone.
    visitor.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    for page in ("change", "rotate"):
        visitor.goto(f"{gateway.base_url}{address}/{page}/")
        assert sticking_out(visitor) == [], page

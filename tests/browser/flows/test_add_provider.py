"""Add a provider that lists no models, name its model, route to it, and test it: then a client is answered."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser import axe
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import make_key
from tests.harness.gateway import Gateway
from tests.harness.script import Reply, Script
from tests.harness.upstream import Upstream

_MARK = "script-0add0f5e12ab"


def test_a_provider_is_added_routed_to_and_tested(
    visitor: Page, owned: Callable[[], Gateway], upstream: Upstream
) -> None:
    answers = {f"/{_MARK}/v1/chat": [speak.chat_answer("Here I am")], "": [Reply([b"{}"], status=404)]}
    upstream.play(Script(answers, _MARK))
    key = make_key()
    gateway = owned()
    visitor.goto(f"{gateway.base_url}/admin/providers/provider/add/?preset=other-openai")
    visitor.locator("[name=name]").fill("house")
    visitor.locator("[name=base_url]").fill(f"{upstream.base_url}/{_MARK}/v1")
    visitor.locator("[name=key]").fill("sk-house-0001")
    # A private address is refused until somebody says that it is meant: beside the refusal, or in the form.
    visitor.locator("[data-gateway-trial]").click()
    result = visitor.locator("[data-gateway-trial-result]")
    expect(result).to_contain_text("This address is this machine or a private network")
    assert axe.serious(visitor) == []
    result.get_by_role("checkbox").click()
    expect(result).to_contain_text("HTTP 404")
    expect(visitor.locator("[name=is_local]")).to_be_checked()
    visitor.get_by_role("button", name="Save and choose models").click()
    expect(visitor.locator("body")).to_contain_text("The provider house is saved. Choose its models here.")

    visitor.locator("[name=names]").fill("small-one")
    visitor.get_by_role("button", name="Add and make routes").click()
    visitor.get_by_role("button", name="Make routes").click()
    expect(visitor.locator("body")).to_contain_text("These routes now lead to your models")
    gateway.wait_snapshot()
    caller = Client(gateway.base_url, key.secret)
    # Claude Code's names lead there, too.
    for name in ("small-one", "claude-sonnet-5-5"):
        assert caller.post(message(name)).stream().text == "Here I am", name

    visitor.goto(f"{gateway.base_url}/admin/console/guide/")
    visitor.get_by_role("link", name="Test it").click()
    visitor.get_by_role("button", name="Send the request").click()
    expect(visitor.locator("#content-main")).to_contain_text("Here I am")

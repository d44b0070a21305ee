"""The page Explain in a browser: a sample, and then with a rule of one's own."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.steps import is_at, shows, sign_in
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway


def test_a_sample_is_explained_and_then_with_a_rule_of_ones_own(
    visitor: Page, administrator: str, gateway: Gateway, standing: Standing
) -> None:
    mine, other = standing.routes["openai_chat"].name, standing.routes["anthropic"].name
    gateway.wait_snapshot()
    sign_in(visitor, gateway, administrator)
    visitor.locator("a[href='/admin/console/explain/']").first.click()
    is_at(visitor, "/admin/console/explain/")
    visitor.get_by_role("link", name="Claude Code turn", exact=True).click()
    shows(visitor, "no route, alias or provider has this name")
    body, send = visitor.locator("[name=body]"), visitor.locator("form[action*=explain] button[type=submit]")
    written = body.input_value().replace("claude-opus-5-5", mine)
    body.fill(written)
    send.click()
    shows(visitor, f"The route is {mine}")
    expect(visitor.locator("#upstream")).to_contain_text("authorization: Bearer ••••••••")
    # Whoever names a route gets it; for any other name the rule holds.
    body.fill(written.replace(mine, "x"))
    visitor.locator("[name=rules]").fill(f'{{"conditions": [], "route": "{other}", "name": "trial"}}')
    send.click()
    shows(visitor, f"The route is {other}, chosen by the phase rules (trial)")
    expect(visitor.locator("#outcome")).to_contain_text(re.compile("chose", re.IGNORECASE))

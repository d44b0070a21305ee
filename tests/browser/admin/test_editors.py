"""The editors of conditions and of chains in a browser: what is edited in rows or as JSON is saved as it was meant."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from providers.models import Provider
from routing.models import Rule
from tests.browser.steps import press, shows, sign_in
from tests.harness.configure import Standing, unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows


def _save(page: Page) -> None:
    """Save, and stay on the page, which says so."""
    with page.expect_navigation():
        page.locator("[name=_continue]").click()
    shows(page, "was changed successfully")


def test_conditions_are_edited_as_rows_and_as_json(
    visitor: Page, administrator: str, gateway: Gateway, standing: Standing, orm: Rows
) -> None:
    conditions: list[dict[str, Any]] = [
        {"field": "tokens", "operator": "at_least", "value": 60000},
        {"field": "header.x-project", "operator": "is", "value": "blue"},
        {"field": "time", "operator": "in", "value": "22:00-06:00"},
        {"field": "tools", "operator": "has", "value": ["Bash", "Edit"]},
        {"field": "images", "operator": "is", "value": False},
    ]
    rule = Rule.objects.create(
        name=unique("rule"), route=standing.routes["first"], conditions=conditions, enabled=False
    )
    sign_in(visitor, gateway, administrator)
    rows, area = visitor.locator(".gw-condition"), visitor.locator("[name=conditions]")

    def save() -> list[dict[str, Any]]:
        _save(visitor)
        rule.refresh_from_db()
        return list(rule.conditions)

    visitor.goto(f"{gateway.base_url}/admin/routing/rule/{rule.pk}/change/")
    expect(rows.locator(".gw-join")).to_have_text(["when", "and", "and", "and", "and"])
    expect(area).to_be_hidden()
    # What is only looked at stays what it is.
    rows.nth(0).locator(".gw-value input").press("End")
    visitor.keyboard.press("Backspace")
    visitor.keyboard.type("1")
    conditions[0]["value"] = 60001
    assert save() == conditions

    # Another field brings its own operators and its own kind of value; a row can go, and another come.
    rows.nth(0).locator(".gw-field").select_option("thinking")
    rows.nth(1).locator(".gw-remove").click()
    press(visitor, "Add condition")
    expect(rows).to_have_count(5)
    rows.last.locator(".gw-operator").select_option("not_in")
    rows.last.locator(".gw-value input").fill("claude-a, claude-b")
    expected = [
        {"field": "thinking", "operator": "is", "value": True},
        *conditions[2:],
        {"field": "model", "operator": "not_in", "value": ["claude-a", "claude-b"]},
    ]
    assert save() == expected

    # As JSON and back; what rows cannot show stays JSON.
    press(visitor, "Edit as JSON")
    area.fill('[{"field": "model", "operator": "in", "value": ["a,b"]}]')
    press(visitor, "Edit as rows")
    expect(visitor.locator(".gw-conditions")).to_contain_text("cannot be shown as rows")
    assert save() == [{"field": "model", "operator": "in", "value": ["a,b"]}]


def test_a_chain_is_put_together_in_rows(visitor: Page, administrator: str, gateway: Gateway, orm: Rows) -> None:
    first = [{"name": "cleancache"}, {"name": "maxtoken", "options": {"limit": 8192}}]
    provider = Provider.objects.create(
        name=unique("chained"), dialect="openai_chat", base_url="https://api.example.com/v1", transforms=first
    )
    sign_in(visitor, gateway, administrator)
    visitor.goto(f"{gateway.base_url}/admin/providers/provider/{provider.pk}/change/")
    visitor.get_by_role("link", name="Advanced", exact=True).click()
    expect(visitor.locator("[name=transforms]")).to_be_hidden()
    rows = visitor.locator(".gw-chain-row")
    expect(rows).to_have_count(2)
    assert [rows.nth(at).locator("select").evaluate("(one) => one.selectedOptions[0].text") for at in (0, 1)] == [
        "cleancache",
        "maxtoken",
    ]
    rows.nth(1).locator("[title='Move up']").click()
    visitor.locator("[title='Add transform']").click()
    added = rows.nth(2)
    added.locator("select").select_option("extrathinktag")
    expect(added).to_contain_text("Turn text between tags")
    added.locator("input").fill('{"tag": "thought"}')
    rows.nth(1).locator("[title='Remove']").click()
    _save(visitor)
    provider.refresh_from_db()
    assert provider.transforms == [first[1], {"name": "extrathinktag", "options": {"tag": "thought"}}]
    # What is wrong is written beside the rows, which are still there.
    rows.nth(0).locator("input").fill('{"limit": 0}')
    visitor.locator("[name=_continue]").click()
    shows(visitor, "maxtoken: Expected")
    expect(rows).to_have_count(2)

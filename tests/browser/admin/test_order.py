"""Rules and candidates are put in order by keyboard and by dragging, in a browser."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from providers.models import Model
from routing.models import Candidate, Route, Rule
from tests.browser.steps import shows, sign_in
from tests.harness.configure import Standing, unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows


def _handles(page: Page) -> Locator:
    return page.get_by_role("button", name="Move this row: arrow up or down")


def test_rules_are_put_in_order_by_keyboard(
    visitor: Page, administrator: str, gateway: Gateway, standing: Standing, orm: Rows
) -> None:
    mark = unique("ordered")
    rules = [
        Rule.objects.create(name=f"{mark}-{name}", route=standing.routes["first"], priority=priority, enabled=False)
        for name, priority in (("a", 7), ("b", 5), ("c", 5))
    ]
    sign_in(visitor, gateway, administrator)
    visitor.goto(f"{gateway.base_url}/admin/routing/rule/?q={mark}")
    expect(_handles(visitor)).to_have_count(3)
    _handles(visitor).nth(2).focus()
    for _ in range(2):
        visitor.keyboard.press("ArrowUp")
    shows(visitor, "Row 1 of 3. Save to keep the order.")
    expect(_handles(visitor).nth(0)).to_be_focused()
    visitor.locator("[name=_save]").click()
    shows(visitor, "rules were changed successfully")
    ordered = Rule.objects.filter(name__startswith=mark).order_by("-priority")
    assert [rule.name for rule in ordered] == [rules[2].name, rules[0].name, rules[1].name]
    assert len({rule.priority for rule in ordered}) == 3


def test_candidates_are_put_in_order_by_keyboard_and_by_dragging(
    visitor: Page, administrator: str, gateway: Gateway, standing: Standing, orm: Rows
) -> None:
    route = Route.objects.create(name=unique("ordered"))
    models = list(Model.objects.order_by("pk")[:3])
    for position, model in enumerate(models):
        Candidate.objects.create(route=route, model=model, position=position)
    sign_in(visitor, gateway, administrator)

    def save() -> list[Model]:
        visitor.locator("[name=_continue]").click()
        shows(visitor, "was changed successfully")
        return [candidate.model for candidate in route.candidates.order_by("position").select_related("model")]

    visitor.goto(f"{gateway.base_url}/admin/routing/route/{route.pk}/change/")
    _handles(visitor).nth(0).focus()
    visitor.keyboard.press("ArrowDown")
    assert save() == [models[1], models[0], *models[2:]]
    _handles(visitor).nth(0).drag_to(_handles(visitor).nth(1))
    assert save() == models

"""A team gets a time zone and a limit, in a browser."""

from __future__ import annotations

from playwright.sync_api import Page

from access.models import RateLimit, Team
from tests.browser.steps import shows, sign_in
from tests.harness.configure import Standing, unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows


def _choose(page: Page, field: str, words: str) -> None:
    """Search a list for some words, and take what is found first."""
    page.locator(f"#id_{field} + .select2-container .select2-selection").click()
    page.keyboard.type(words)
    page.locator("li.select2-results__option--highlighted").filter(has_text=words).wait_for()
    page.keyboard.press("Enter")


def test_a_team_gets_a_time_zone_and_a_limit(
    visitor: Page, administrator: str, gateway: Gateway, standing: Standing, orm: Rows
) -> None:
    team = Team.objects.create(name=unique("zone-team"))
    sign_in(visitor, gateway, administrator)
    page = f"{gateway.base_url}/admin/access/team/{team.pk}/change/"
    visitor.goto(page)
    _choose(visitor, "time_zone", "Berlin")
    visitor.locator("[name=_continue]").click()
    shows(visitor, "was changed successfully")
    assert Team.objects.get(pk=team.pk).time_zone == "Europe/Berlin"
    visitor.goto(f"{gateway.base_url}/admin/access/ratelimit/add/")
    _choose(visitor, "team", team.name)
    visitor.locator("[name=most]").fill("60")
    visitor.locator("select[name=measure]").select_option("requests")
    visitor.locator("[name=_save]").click()
    shows(visitor, "was added successfully")
    assert RateLimit.objects.filter(team=team).count() == 1
    visitor.goto(page)
    shows(visitor, "60 requests a minute")

"""An administrator without a mouse: signs in, makes a key, opens its row, filters the list, uses a menu."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth import get_user_model
from playwright.sync_api import Locator, Page, expect

from access.models import ClientKey, Team
from tests.browser.steps import leave, shows
from tests.harness.forms import PASSWORD
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows

_MOST = 90
"""More presses of Tab than any page of the admin takes."""
_IS_SEEN = """
(one) => {
  const style = getComputedStyle(one.matches(":focus-visible") ? one : document.activeElement);
  const around = getComputedStyle(one.parentElement);
  return [style, around].some((drawn) => drawn.outlineStyle !== "none" && parseFloat(drawn.outlineWidth) >= 1);
}
"""


def test_the_admin_by_keys_alone(visitor: Page, own_database: Rows) -> None:
    get_user_model().objects.create_superuser("owner", password=PASSWORD)
    Team.objects.create(name="Search")
    gateway = Gateway("keys").start()
    try:
        _journey(visitor, gateway)
        leave(visitor)
        assert ClientKey.objects.get().name == "laptop"
    finally:
        gateway.stop()


def _journey(page: Page, gateway: Gateway) -> None:
    for step in (_sign_in, _skip_to_the_content, _make_a_key, _open_its_row, _filter_the_list, _use_the_menu):
        step(page, gateway)


def _sign_in(page: Page, gateway: Gateway) -> None:
    page.goto(f"{gateway.base_url}/admin/login/")
    _tab_to(page, page.locator("[name=username]"))
    page.keyboard.type("owner")
    page.keyboard.press("Tab")
    _tab_to(page, page.locator("[name=password]"))
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/")


def _skip_to_the_content(page: Page, gateway: Gateway) -> None:
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.reload()


def _make_a_key(page: Page, gateway: Gateway) -> None:
    _follow(page, page.get_by_role("link", name="Client keys", exact=True), "**/clientkey/")
    _follow(page, page.get_by_role("link", name="Add client key").first, "**/clientkey/add/")
    _tab_to(page, page.locator("[name=team]"))
    page.keyboard.type("Search")
    _tab_to(page, page.locator("[name=name]"))
    page.keyboard.type("laptop")
    _tab_to(page, page.get_by_role("button", name="Save", exact=True))
    page.keyboard.press("Enter")
    shows(page, "Client key created")


def _open_its_row(page: Page, gateway: Gateway) -> None:
    _follow(page, page.get_by_role("link", name="Client keys", exact=True).first, "**/clientkey/")
    _follow(page, page.locator("main").get_by_role("link", name="laptop"), "**/change/")
    expect(page.locator("[name=name]")).to_have_value("laptop")


def _filter_the_list(page: Page, gateway: Gateway) -> None:
    _follow(page, page.get_by_role("link", name="Client keys", exact=True).first, "**/clientkey/")
    _tab_to(page, page.get_by_role("button", name="Filters"))
    page.keyboard.press("Enter")
    choice = page.locator("#changelist-filter").get_by_role("link", name="revoked")
    expect(choice).to_be_visible()
    _follow(page, choice, lambda url: "?" in url)
    shows(page, "No client key matches")


def _use_the_menu(page: Page, gateway: Gateway) -> None:
    _tab_to(page, page.get_by_role("button", name="owner"))
    entry = page.get_by_role("link", name="Change password")
    expect(entry).to_be_hidden()
    page.keyboard.press(" ")
    expect(entry).to_be_visible()
    _follow(page, entry, "**/password_change/")


def _follow(page: Page, link: Locator, to: str | Callable[[str], bool]) -> None:
    _tab_to(page, link)
    page.keyboard.press("Enter")
    page.wait_for_url(to)


def _tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until something has the focus, and is seen to have it."""
    wanted.wait_for()
    for _ in range(_MOST):
        if wanted.evaluate("(one) => one === document.activeElement"):
            assert wanted.evaluate(_IS_SEEN), "the focus is not seen"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no Tab leads to {wanted}")

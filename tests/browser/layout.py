"""How pages look: whether they fit a window, and whether their controls have names, in both themes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from playwright.sync_api import Page

from tests.browser.visits import DESK, PHONE
from tests.harness.gateway import Gateway

_STICKING_OUT = """
() => {
  const root = document.documentElement;
  return root.scrollWidth > root.clientWidth
    ? [...document.querySelectorAll("body *")]
        .filter((one) => one.getBoundingClientRect().right > root.clientWidth + 1)
        .map((one) => one.outerHTML.slice(0, 200)).concat(["the page"])
    : [];
}
"""
_DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""Lets what watches the size of its element, such as a chart, draw itself anew."""
_NAMELESS = """
() => [...document.querySelectorAll("main :is(input, select, textarea, button, a)")].filter((one) =>
  one.offsetParent && one.type !== "hidden"
    && !one.textContent.trim() && !one.getAttribute("aria-label") && !(one.labels || []).length
).map((one) => one.outerHTML.slice(0, 200))
"""


def sticking_out(page: Page) -> list[str]:
    """The elements for which the page scrolls sideways; none if it does not."""
    found: list[str] = page.evaluate(_STICKING_OUT)
    return found


def nameless(page: Page) -> list[str]:
    """The links and controls in the main part of the page that have no words."""
    found: list[str] = page.evaluate(_NAMELESS)
    return found


def settle(page: Page) -> None:
    """Wait until the page is there and Alpine, where the page uses it, has begun."""
    page.wait_for_load_state("load")
    page.wait_for_function("() => !document.querySelector('[x-data]') || !!window.Alpine")


def each_look(page: Page, gateway: Gateway, paths: Sequence[str]) -> Iterator[str]:
    """Open each page on a desk and on a phone, in the light and in the dark; yields such as `/my/ 390 dark`.

    A page is opened once a theme, in the light on a desk and in the dark on a phone, and seen in the other width as a
    window that was resized: loads are what takes time.
    """
    before = page.viewport_size
    for theme, sizes in (("light", (DESK, PHONE)), ("dark", (PHONE, DESK))):
        page.evaluate("(theme) => localStorage.setItem('adminTheme', JSON.stringify(theme))", theme)
        for path in paths:
            for opened, (width, height) in zip((True, False), sizes, strict=True):
                page.set_viewport_size({"width": width, "height": height})
                if opened:
                    page.goto(gateway.base_url + path)
                    settle(page)
                else:
                    page.evaluate(_DRAWN)
                yield f"{path} {width} {theme}"
    if before is not None:
        page.set_viewport_size(before)


def fits(page: Page, gateway: Gateway, paths: Sequence[str]) -> None:
    """Assert of pages that nothing sticks out, that each control has a name and that each has one main part."""
    for look in each_look(page, gateway, paths):
        assert sticking_out(page) == [], look
        assert nameless(page) == [], look
        assert page.locator("main").count() == 1, look

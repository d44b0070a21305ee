"""What is wrong with a page, seen at both widths and in both themes after one load: loads are what takes time."""

from __future__ import annotations

from collections.abc import Iterable

from playwright.sync_api import Page

from tests.browser import axe
from tests.browser.layout import settle, sticking_out
from tests.browser.visits import DESK, PHONE, Visits
from tests.harness.gateway import Gateway

_THEME = """
(theme) => {
  const root = document.documentElement;
  if (window.Alpine && root.hasAttribute("x-data")) Alpine.$data(root).switchTheme(theme);
  else root.classList.toggle("dark", theme === "dark");
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}
"""
_STILL = "*, *::before, *::after { transition: none !important; animation: none !important; }"
"""A colour on its way from one theme to the other is neither's."""


def faults(visits: Visits, page: Page, gateway: Gateway, paths: Iterable[str]) -> dict[str, list[str]]:
    """Open each page; return what is wrong by path, width and theme: elements, rules of axe-core, and complaints."""
    found: dict[str, list[str]] = {}
    for path in paths:
        page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
        page.goto(gateway.base_url + path)
        settle(page)
        found |= look(visits, page, path)
    return found


def look(visits: Visits, page: Page, name: str) -> dict[str, list[str]]:
    """Return what is wrong with the page that is open, as `faults` does; it ends as wide as it began, in the light."""
    found = {}
    page.add_style_tag(content=_STILL)
    # All rules once at each width; those of colours again in the other theme, which is all that a theme changes.
    for (width, height), themes in ((DESK, ("light", "dark")), (PHONE, ("dark", "light"))):
        page.set_viewport_size({"width": width, "height": height})
        for number, theme in enumerate(themes):
            page.evaluate(_THEME, theme)
            wrong = [*axe.serious(page, colours_only=bool(number)), *visits.complaints]
            if not number:
                wrong += [f"sticks out: {one}" for one in sticking_out(page)]
                if (mains := page.locator("main").count()) != 1:
                    wrong.append(f"{mains} main parts")
            if wrong:
                found[f"{name} {width} {theme}"] = wrong
            visits.complaints.clear()
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    return found

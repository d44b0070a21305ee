"""Faults that keep people from using a page, as axe-core finds them.

`axe.min.js` is axe-core 4.14.1 as npm has it, and `axe.LICENSE` its licence (MPL 2.0).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

# The rule `region` takes longest, and what it finds is never serious.
_RUN = """
async (only) => {
  // Fingers are for phones; in wide windows the bar with "Save" lies over fields until one scrolls.
  // What a chart's parts lead to stands beside it as a link in words.
  const CHARTS = ".gw-track, .gw-bars";
  const rules = {region: {enabled: false}, "target-size": {enabled: innerWidth < 1024}};
  const options = only.length ? {runOnly: only} : {rules};
  const found = await axe.run(document, {resultTypes: ["violations"], preload: false, ...options});
  return found.violations.map((one) => ({
    id: one.id, impact: one.impact, help: one.help,
    nodes: one.nodes.map((node) => node.target.join(" "))
      .filter((node) => one.id !== "target-size" || !document.querySelector(node)?.closest(CHARTS)),
  })).filter((one) => one.nodes.length);
}
"""
_OF_COLOURS = ["color-contrast", "link-in-text-block"]


@cache
def _source() -> str:
    return (Path(__file__).parent / "axe.min.js").read_text()


def serious(page: Page, *, colours_only: bool = False) -> list[str]:
    """The serious and critical faults of a page as it is now, one line a rule, with the elements that have it."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_source())
    found: list[dict[str, Any]] = page.evaluate(_RUN, _OF_COLOURS if colours_only else [])
    return [
        f"{one['impact']}: {one['id']} ({one['help']}) in {', '.join(one['nodes'])}"
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]

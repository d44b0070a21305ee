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
async () => {
  const rules = {region: {enabled: false}};
  const found = await axe.run(document, {resultTypes: ["violations"], preload: false, rules});
  return found.violations.map((one) => ({
    id: one.id, impact: one.impact, help: one.help, nodes: one.nodes.map((node) => node.target.join(" ")),
  }));
}
"""


@cache
def _source() -> str:
    return (Path(__file__).parent / "axe.min.js").read_text()


def serious(page: Page) -> list[str]:
    """The serious and critical faults of a page as it is now, one line a rule, with the elements that have it."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_source())
    found: list[dict[str, Any]] = page.evaluate(_RUN)
    return [
        f"{one['impact']}: {one['id']} ({one['help']}) in {', '.join(one['nodes'])}"
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]

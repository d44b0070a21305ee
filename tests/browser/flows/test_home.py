"""Each number on home leads to the requests that it is of, and they add up to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.core.management import call_command
from playwright.sync_api import Page, expect

from tests.admin.history import request_row
from tests.harness.gateway import Gateway
from usage.money import to_pico

_ON_HOME = """
() => {
  const found = [];
  const all = (place, kind, text) => document.querySelectorAll(place).forEach((one) => found.push({
    kind, text: text ? text(one) : one.textContent.trim(), exact: one.title, url: one.href,
  }));
  const beside = (one) => one.closest("li").textContent.match(/([\\d,]+) requests/)[1];
  all(".gw-six a.gw-figure-today", "figure");
  all(".gw-explored td a", "requests");
  all(".gw-failures a.gw-count", "requests");
  all(".gw-strips .gw-name a", "requests", beside);
  all(".gw-tops a.gw-end", "cost");
  return found;
}
"""
_LISTED = """
() => [...document.querySelectorAll("tr[data-sheet]")].map((row) => ({
  tokens: row.querySelector(".gw-tokens").title, cost: row.querySelector(".gw-cost").title,
  first: row.querySelector(".gw-took span").textContent, outcome: row.querySelector(".gw-dot").textContent,
}))
"""


def _sum(pattern: str, texts: list[str]) -> Decimal:
    return sum((Decimal(one.replace(",", "")) for text in texts for one in re.findall(pattern, text)), Decimal(0))


def _agrees(number: dict[str, Any], rows: list[dict[str, str]], total: int) -> bool:
    """Whether rows add up to a number of home; `total` is how many requests there were."""
    text, exact = number["text"], number["exact"]
    if number["kind"] == "requests" or exact.endswith(": requests"):
        return len(rows) == int(text.replace(",", ""))
    if number["kind"] == "cost" or "cost" in exact:
        cost = _sum(r"^\$([\d.]+)", [row["cost"] for row in rows])
        shown = Decimal(text.strip("$").replace(",", ""))
        return abs(cost - shown) <= Decimal("0.005") and bool(not exact or f"${cost.normalize():f}" in exact)
    if "tokens" in exact:
        return _sum(r"(\d[\d,]*) [a-z]", [row["tokens"] for row in rows]) == _sum(r"([\d,]+): ", [exact])
    if "rate" in exact:
        assert {row["outcome"] for row in rows} <= {"Failed", "Refused", "Interrupted"}
        return bool(text == f"{100 * len(rows) / total:.1f} %")
    assert "first token" in exact
    return bool(rows) and all(row["first"] != "—" for row in rows)


def test_each_number_leads_to_the_requests_that_it_is_of(visitor: Page, owned: Callable[[], Gateway]) -> None:
    call_command("generate_usage", rows=1000, months=3, verbosity=0)
    provider: dict[str, Any] = {"provider_name": "aurora", "model_name": "large-4", "team_id": 1, "team_name": "Blue"}
    for _ in range(3):
        request_row(**provider, outcome="failed", sentence_code="provider_error", http_status=529)
    request_row(**provider, outcome="refused", sentence_code="key_requests", http_status=429)
    request_row(
        **provider, cost=to_pico(Decimal("1234.5")), input_tokens=20_000, output_tokens=7, time_to_first_token_ms=300
    )
    owned()
    expect(visitor.locator(".gw-six")).to_contain_text("Requests")
    numbers = visitor.evaluate(_ON_HOME)
    assert {number["kind"] for number in numbers} == {"figure", "requests", "cost"}
    assert sum(number["kind"] == "figure" for number in numbers) == 5
    (total,) = [int(one["text"]) for one in numbers if one["exact"].endswith(": requests")]
    assert 5 <= total <= 50, "all fit on one page of the list"
    for number in numbers:
        visitor.goto(number["url"])
        rows = visitor.evaluate(_LISTED)
        assert _agrees(number, rows, total), (number, rows)

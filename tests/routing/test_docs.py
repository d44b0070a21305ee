"""docs/routing.md says what there is: every phase, field, operator and scenario, in its order."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

from routing.models import ScenarioRoute
from routing.phases import PHASES
from routing.phases.scenarios import LONG_CONTEXT, SCENARIOS
from routing.rules.conditions import FIELDS, OPERATORS
from streaming.custom_router import OVERRUNS

DOCS = (Path(__file__).resolve().parent.parent.parent / "docs" / "routing.md").read_text()


def _table(head: str) -> dict[str, list[str]]:
    """The cells behind the first one, by the first one, of the table that begins so."""
    rows = DOCS.split(f"\n| {head} |", 1)[1].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]
    return {first.strip("`"): others for first, *others in cells}


def test_phases_stand_in_their_order() -> None:
    assert list(_table("phase")) == [name for name, _ in PHASES]


def test_every_field_stands_with_its_kind_and_meaning() -> None:
    assert {
        name: cells for name, cells in _table("field").items() if not name.startswith(("header.", "metadata."))
    } == {name: [field.kind, field.meaning] for name, field in FIELDS.items()}


def test_every_kind_stands_with_its_operators() -> None:
    found = {kind: tuple(re.findall(r"`(\w+)`", cells[0])) for kind, cells in _table("kind").items()}
    assert found == OPERATORS


def test_scenarios_stand_in_their_order_here_and_in_the_admin() -> None:
    names = [name for name, _ in SCENARIOS]
    assert list(_table("scenario")) == names
    assert ScenarioRoute.Scenario.values == names


def test_figures() -> None:
    assert f"{LONG_CONTEXT:,} tokens" in DOCS
    assert f"`CUSTOM_ROUTER_TIMEOUT` seconds ({settings.CUSTOM_ROUTER_TIMEOUT:g})" in DOCS
    assert OVERRUNS == 3
    assert "three overruns" in DOCS

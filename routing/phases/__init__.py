"""The phases that choose a route: pure functions over facts and snapshot, run in the order of PHASES.

A phase chooses, suggests, or gives the reason why it does not choose. The first choice ends the search; a suggestion is
taken if no later phase chooses.
"""

from __future__ import annotations

from routing.phases.choice import Phase
from routing.phases.concepts import concepts
from routing.phases.names import custom, name, subagent_tag
from routing.phases.rules import rules
from routing.phases.scenarios import default_route, scenarios

PHASES: tuple[tuple[str, Phase], ...] = (
    ("subagent_tag", subagent_tag),
    ("name", name),
    ("rules", rules),
    ("scenarios", scenarios),
    ("custom", custom),
    ("concepts", concepts),
    ("default_route", default_route),
)

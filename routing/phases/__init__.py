"""The phases that choose a route: pure functions over facts and snapshot, run in the order of PHASES.

A phase chooses, suggests, or says why it has nothing to say. The first choice ends the search; a suggestion is taken if
no later phase chooses.
"""

from __future__ import annotations

from routing.phases.analysis import rules, scenarios
from routing.phases.choice import Phase
from routing.phases.custom import custom
from routing.phases.default import default_route
from routing.phases.names import name, subagent_tag
from routing.phases.patterns import patterns

PHASES: tuple[tuple[str, Phase], ...] = (
    ("subagent_tag", subagent_tag),
    ("name", name),
    ("rules", rules),
    ("scenarios", scenarios),
    ("custom", custom),
    ("concepts", patterns),
    ("default_route", default_route),
)

"""What was decided for a name is decided again for the next request with it, but only where nothing else matters."""

from __future__ import annotations

import pytest

from routing import engine
from routing.decision import RouteForbidden
from tests.routing.builders import (
    ANYONE,
    candidate,
    chosen_by,
    decide,
    make_facts,
    make_snapshot,
    restricted,
    route,
    rule,
)

ROUTE = route("a", candidate("m1", max_output=1000), candidate("m2"))
OTHER = route("b")


class Cooling(engine.AllHealthy):
    """A state in which the first model cools down while it is asked to."""

    is_on = False

    def cooling(self, candidate: object) -> float | None:
        return 9.0 if self.is_on and getattr(candidate, "name", "").endswith("m1") else None


def test_the_second_request_with_a_name_is_decided_as_the_first() -> None:
    snapshot = make_snapshot(ROUTE, OTHER, aliases={"an-*": "a"})
    for name in ("a", "an-alias"):
        first, second = (decide(make_facts(name), snapshot) for _ in range(2))
        assert first is second
        assert first.explained() == second.explained()
        assert first.explained() is not second.explained()


def test_a_key_that_may_not_use_it_does_not_get_it() -> None:
    snapshot = make_snapshot(ROUTE, OTHER)
    assert decide(make_facts("a"), snapshot).route is ROUTE
    with pytest.raises(RouteForbidden):
        decide(make_facts("a"), snapshot, restricted("b"))


def test_a_tag_is_looked_at_all_the_same() -> None:
    snapshot = make_snapshot(ROUTE, OTHER)
    assert chosen_by(make_facts("a"), snapshot) == ("name", "a")
    assert chosen_by(make_facts("a", subagent_tag="b"), snapshot) == ("subagent_tag", "b")
    assert chosen_by(make_facts("a", subagent_tag="unknown"), snapshot) == ("name", "a")
    assert chosen_by(make_facts("a"), snapshot) == ("name", "a")


def test_a_route_that_yields_is_asked_for_anew() -> None:
    snapshot = make_snapshot(route("a", yields=True), OTHER, rules=(rule(0, "b", ("tools", "has", "grep")),))
    assert chosen_by(make_facts("a"), snapshot) == ("name", "a")
    assert chosen_by(make_facts("a", tools=("grep",)), snapshot) == ("rules", "b")


def test_another_configuration_knows_nothing_of_it() -> None:
    assert chosen_by(make_facts("a"), make_snapshot(ROUTE, OTHER)) == ("name", "a")
    assert chosen_by(make_facts("a"), make_snapshot(OTHER, aliases={"a": "b"})) == ("name", "b")


def test_what_a_request_needs_and_what_cools_down_is_looked_at_all_the_same() -> None:
    snapshot, state = make_snapshot(ROUTE), Cooling()
    usual = engine.decide(make_facts("a"), ANYONE, snapshot, state)
    long = engine.decide(make_facts("a", max_tokens=2000), ANYONE, snapshot, state)
    state.is_on = True
    cooling = engine.decide(make_facts("a"), ANYONE, snapshot, state)
    state.is_on = False
    assert [len(each.attempts) for each in (usual, long, cooling)] == [2, 1, 1]
    assert [len(each.explained()["dropped"]) for each in (usual, long, cooling)] == [0, 1, 1]
    assert engine.decide(make_facts("a"), ANYONE, snapshot, state).explained() == usual.explained()

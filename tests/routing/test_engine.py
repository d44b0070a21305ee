"""Which route and which candidates a request gets, and the error of a request that gets none."""

from __future__ import annotations

import pytest

from access.keys import KeyRecord
from routing import engine
from routing.decision import NoSuchRoute, NothingAllowed, NoUsableCandidate, RouteForbidden, RouteRefused
from routing.facts import request_facts
from routing.phases import PHASES
from routing.selection import AllHealthy
from routing.snapshot import RouteConfig, Snapshot
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

SONNET, DEFAULT = route("claude-sonnet", candidate("m1"), candidate("m2")), route("fallback", candidate("m3"))
EMPTY = RouteConfig(1, "empty", "empty", "", dropped=(("openrouter: m9", "the model is switched off"),))
ROUTES = {each.name: each for each in (SONNET, DEFAULT, EMPTY)}


def test_the_exact_name_wins_over_the_default() -> None:
    decision = engine.decide(make_facts("claude-sonnet"), ANYONE, Snapshot(routes=ROUTES, default_route=DEFAULT))
    assert (decision.phase, decision.rule) == ("name", "claude-sonnet")
    assert [c.model.name for c in decision.attempts] == ["m1", "m2"]


def test_the_default_route_answers_any_unknown_name() -> None:
    snapshot = Snapshot(routes=ROUTES, default_route=DEFAULT)
    decision = engine.decide(make_facts("claude-3-5-sonnet-20241022"), ANYONE, snapshot)
    assert (decision.route.name, decision.phase) == ("fallback", "default_route")
    assert [reason.phase for reason in decision.reasons] == [phase for phase, _ in PHASES]


def test_without_a_default_the_error_for_an_unknown_name_lists_the_routes() -> None:
    with pytest.raises(NoSuchRoute, match="claude-sonnet, fallback, empty"):
        engine.decide(make_facts("gpt-x"), ANYONE, Snapshot(routes=ROUTES))


def test_the_error_for_a_restricted_key_lists_only_its_own_routes() -> None:
    with pytest.raises(NoSuchRoute) as caught:
        engine.decide(make_facts("gpt-x"), restricted("claude-*"), Snapshot(routes=ROUTES, default_route=DEFAULT))
    assert "claude-sonnet" in caught.value.message
    assert "fallback" not in caught.value.message


def test_a_route_that_the_key_may_not_use_is_forbidden_even_with_a_default() -> None:
    with pytest.raises(RouteForbidden) as caught:
        engine.decide(
            make_facts("claude-sonnet"), restricted("fallback"), Snapshot(routes=ROUTES, default_route=DEFAULT)
        )
    assert caught.value.message == (
        "The client key sk-px-cd… of the team 'red' may not use 'claude-sonnet'. It may use: fallback. "
        "Ask an administrator of this gateway for others."
    )


@pytest.mark.parametrize(("asked", "raised"), [("gpt-x", NoSuchRoute), ("shut", RouteForbidden)])
@pytest.mark.parametrize(("count", "listed"), [(10, "r10."), (13, "r10 and 3 more (GET /v1/models lists all).")])
def test_of_many_routes_ten_are_named(count: int, listed: str, asked: str, raised: type[RouteRefused]) -> None:
    routes = {name: route(name) for name in (*(f"r{number:02}" for number in range(1, count + 1)), "shut")}
    with pytest.raises(raised) as caught:
        engine.decide(make_facts(asked), restricted("r*"), Snapshot(routes=routes))
    assert f"may use: r01, r02, r03, r04, r05, r06, r07, r08, r09, {listed} Ask" in caught.value.message


@pytest.mark.parametrize("key", [ANYONE, restricted("openrouter:*")])
def test_where_there_are_no_routes_single_models_are_named(key: KeyRecord) -> None:
    with pytest.raises(NoSuchRoute, match=r"may use: openrouter:m1, openrouter:m2\. Ask"):
        decide(make_facts("gpt-x"), make_snapshot(models=(candidate("m1"), candidate("m2"))), key)


@pytest.mark.parametrize(("asked", "key"), [("claude-sonnet", restricted("x")), ("gpt-x", restricted("x"))])
def test_a_key_that_may_use_nothing_is_refused_whatever_it_names(asked: str, key: KeyRecord) -> None:
    with pytest.raises(NothingAllowed, match="to check the key's allow-list, or to add a route"):
        engine.decide(make_facts(asked), key, Snapshot(routes=ROUTES))
    with pytest.raises(NothingAllowed):
        engine.decide(make_facts(asked), ANYONE, Snapshot())


def test_a_route_without_a_usable_candidate_says_what_is_wrong_with_each() -> None:
    with pytest.raises(NoUsableCandidate, match="m9: the model is switched off"):
        engine.decide(make_facts("empty"), ANYONE, Snapshot(routes=ROUTES))


@pytest.mark.parametrize(
    ("body", "headers", "session"),
    [
        ({}, {"x-claude-code-session-id": "s-1"}, "s-1"),
        ({"metadata": {"user_id": '{"device_id":"d","session_id":"s-2"}'}}, {}, "s-2"),
        ({"metadata": {"user_id": "user_1_account__session_s-3"}}, {}, "s-3"),
        ({"metadata": {"user_id": "{not json"}}, {}, ""),
        ({"metadata": {"user_id": 7}}, {}, ""),
        ({"metadata": "odd"}, {}, ""),
        ({"metadata": {"user_id": '{"session_id":"body"}'}}, {"x-claude-code-session-id": "header"}, "header"),
    ],
)
def test_the_session_is_found_where_clients_put_it(
    body: dict[str, object], headers: dict[str, str], session: str
) -> None:
    assert request_facts.gather({"model": "m", **body}, headers, 100).session_id == session


A_ROUTE = route("a", candidate("m1", max_output=1000), candidate("m2"))
B_ROUTE = route("b")
"""What is decided for a name is decided again for the next request with it, where nothing else matters."""


class Cooling(AllHealthy):
    """A state in which the first model cools down while it is asked to."""

    is_on = False

    def cooling(self, candidate: object) -> float | None:
        return 9.0 if self.is_on and getattr(candidate, "name", "").endswith("m1") else None


def test_the_second_request_with_a_name_is_decided_as_the_first() -> None:
    snapshot = make_snapshot(A_ROUTE, B_ROUTE, aliases={"an-*": "a"})
    for name in ("a", "an-alias"):
        first, second = (decide(make_facts(name), snapshot) for _ in range(2))
        assert first is second
        assert first.explained() == second.explained()
        assert first.explained() is not second.explained()


def test_a_key_that_may_not_use_it_does_not_get_it() -> None:
    snapshot = make_snapshot(A_ROUTE, B_ROUTE)
    assert decide(make_facts("a"), snapshot).route is A_ROUTE
    with pytest.raises(RouteForbidden):
        decide(make_facts("a"), snapshot, restricted("b"))


def test_a_tag_is_looked_at_all_the_same() -> None:
    snapshot = make_snapshot(A_ROUTE, B_ROUTE)
    assert chosen_by(make_facts("a"), snapshot) == ("name", "a")
    assert chosen_by(make_facts("a", subagent_tag="b"), snapshot) == ("subagent_tag", "b")
    assert chosen_by(make_facts("a", subagent_tag="unknown"), snapshot) == ("name", "a")
    assert chosen_by(make_facts("a"), snapshot) == ("name", "a")


def test_a_route_that_yields_is_asked_for_anew() -> None:
    snapshot = make_snapshot(route("a", yields=True), B_ROUTE, rules=(rule(0, "b", ("tools", "has", "grep")),))
    assert chosen_by(make_facts("a"), snapshot) == ("name", "a")
    assert chosen_by(make_facts("a", tools=("grep",)), snapshot) == ("rules", "b")


def test_another_configuration_knows_nothing_of_it() -> None:
    assert chosen_by(make_facts("a"), make_snapshot(A_ROUTE, B_ROUTE)) == ("name", "a")
    assert chosen_by(make_facts("a"), make_snapshot(B_ROUTE, aliases={"a": "b"})) == ("name", "b")


def test_what_a_request_needs_and_what_cools_down_is_looked_at_all_the_same() -> None:
    snapshot, state = make_snapshot(A_ROUTE), Cooling()
    usual = engine.decide(make_facts("a"), ANYONE, snapshot, state)
    long = engine.decide(make_facts("a", max_tokens=2000), ANYONE, snapshot, state)
    state.is_on = True
    cooling = engine.decide(make_facts("a"), ANYONE, snapshot, state)
    state.is_on = False
    assert [len(each.attempts) for each in (usual, long, cooling)] == [2, 1, 1]
    assert [len(each.explained()["dropped"]) for each in (usual, long, cooling)] == [0, 1, 1]
    assert engine.decide(make_facts("a"), ANYONE, snapshot, state).explained() == usual.explained()

"""Which route and which candidates a request gets, and the error of a request that gets none."""

from __future__ import annotations

import pytest

from routing import engine
from routing.decision import NoSuchRoute, NoUsableCandidate, RouteForbidden
from routing.facts import request_facts
from routing.phases import PHASES
from routing.snapshot import RouteConfig, Snapshot
from tests.routing.builders import ANYONE, candidate, make_facts, restricted, route

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
    with pytest.raises(RouteForbidden, match="claude-sonnet"):
        engine.decide(
            make_facts("claude-sonnet"), restricted("fallback"), Snapshot(routes=ROUTES, default_route=DEFAULT)
        )


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

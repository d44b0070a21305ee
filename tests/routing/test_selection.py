"""From a route to attempts: who is dropped and why, in which order the rest is tried, and what a session keeps."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from routing import engine
from routing.decision import NoCapableCandidate, NoHealthyCandidate, NoUsableCandidate
from routing.health.state import choose_credential
from routing.selection import select
from routing.snapshot import CandidateConfig, RouteConfig
from routing.spread import session_share, weighted_key
from tests.health.driver import credential
from tests.routing.builders import ANYONE, OLLAMA, OPENROUTER, candidate, make_facts, make_snapshot, route
from usage.cost import Prices

CANDIDATES = (candidate("one"), candidate("three", weight=3), candidate("two", OLLAMA, weight=2))
CREDENTIALS = (credential(1), credential(2, weight=3), credential(3, weight=2))


class FixedState:
    """A live state that a test sets."""

    def __init__(self, cooling: dict[str, float] | None = None, fast: dict[str, float] | None = None) -> None:
        self.seconds, self.firsts, self.busy = cooling or {}, fast or {}, Counter[str]()

    def cooling(self, candidate: CandidateConfig) -> float | None:
        return self.seconds.get(candidate.model.name)

    def why_cooling(self, candidate: CandidateConfig) -> str:
        return "it failed recently"

    def time_to_first_token(self, candidate: CandidateConfig) -> float | None:
        return self.firsts.get(candidate.model.name)

    def in_flight(self, candidate: CandidateConfig) -> int:
        return self.busy[candidate.model.name]


def names(known: RouteConfig, now: FixedState | None = None, draw: float = 0.5, **fields: Any) -> list[str]:
    attempts, _, _ = select(known, make_facts(**fields), now or FixedState(), 0.0, lambda: draw)
    return [each.model.name for each in attempts]


def causes(known: RouteConfig, now: FixedState | None = None, **fields: Any) -> dict[str, str]:
    _, dropped, _ = select(known, make_facts(**fields), now or FixedState(), 0.0)
    return {each.candidate.partition(": ")[2]: each.code for each in dropped}


ABLE = candidate("able", OPENROUTER, "tools", "images", "structured_output", "thinking", "prefill")
PLAIN = candidate("plain", OPENROUTER, "structured_output")
UNKNOWN = candidate("unknown")
SMALL = candidate("small", OLLAMA, context_window=1000, max_output=4096)


@pytest.mark.parametrize(
    ("need", "code"),
    [
        ({"tools": ("Bash",)}, "no_tools"),
        ({"images": True}, "no_images"),
        ({"thinking_budget": 1024}, "no_thinking"),
        ({"prefill": True}, "no_prefill"),
    ],
)
def test_a_candidate_that_cannot_is_dropped_and_one_of_which_nobody_knows_is_tried(
    need: dict[str, Any], code: str
) -> None:
    known = route("r", PLAIN, UNKNOWN, ABLE)
    assert names(known, **need) == ["unknown", "able"]
    assert causes(known, **need) == {"plain": code}


def test_a_model_without_json_schemas_is_dropped_for_structured_output() -> None:
    known = route("r", candidate("tools-only", OPENROUTER, "tools"), ABLE)
    assert names(known, structured_output=True) == ["able"]


@pytest.mark.parametrize(("tokens", "found"), [(999, ["small", "able"]), (1000, ["small", "able"]), (1001, ["able"])])
def test_a_window_that_is_too_small(tokens: int, found: list[str]) -> None:
    assert names(route("r", SMALL, ABLE), input_estimate=tokens) == found


@pytest.mark.parametrize(
    ("asked_for", "found"),
    [(4095, ["small", "able"]), (4096, ["small", "able"]), (4097, ["able"]), (128_000, ["able"])],
)
def test_an_output_that_is_too_short(asked_for: int, found: list[str]) -> None:
    assert names(route("r", SMALL, ABLE), max_tokens=asked_for) == found


def test_no_model_is_dropped_for_the_most_that_agents_ask_for() -> None:
    assert names(route("r", candidate("big", max_output=32_000), ABLE), max_tokens=128_000) == ["big", "able"]


def test_an_estimate_alone_refuses_nobody() -> None:
    attempts, dropped, how = select(route("r", SMALL), make_facts(input_estimate=5000), FixedState(), 0.0)
    assert [each.model.name for each in attempts] == ["small"]
    assert dropped == ()
    assert "nearly" in how[0]


def test_the_error_names_what_no_candidate_can_do() -> None:
    with pytest.raises(NoCapableCandidate, match="openrouter: plain: it reads no images"):
        engine.decide(make_facts("r", images=True), ANYONE, make_snapshot(route("r", PLAIN)))


def test_a_route_without_a_usable_candidate_says_what_is_wrong_with_each() -> None:
    lost = RouteConfig(1, "r", "r", "", dropped=(("openrouter: m9", "the model is switched off"),))
    with pytest.raises(NoUsableCandidate, match="m9: the model is switched off"):
        engine.decide(make_facts("r"), ANYONE, make_snapshot(lost))


def test_those_that_cool_down_are_dropped_until_they_may_be_tried() -> None:
    known = route("r", ABLE, UNKNOWN)
    assert names(known, FixedState({"able": 12.3})) == ["unknown"]
    assert causes(known, FixedState({"able": 12.3})) == {"able": "cooling_down"}
    with pytest.raises(NoHealthyCandidate, match="tried again in 13 s") as caught:
        engine.decide(make_facts("r"), ANYONE, make_snapshot(known), FixedState({"able": 12.3, "unknown": 40.0}))
    assert caught.value.retry_after == 12.3


def test_attempts_are_capped() -> None:
    known = route("r", *(candidate(f"m{number}") for number in range(6)), max_attempts=2)
    assert names(known) == ["m0", "m1"]


def test_the_cheapest_first_and_those_without_prices_last() -> None:
    dear = candidate("dear", prices=(Prices(id=1, input=9, output=9),))
    cheap = candidate("cheap", prices=(Prices(id=2, input=1, output=1),))
    chatty = candidate("chatty", prices=(Prices(id=3, input=0, output=20),))
    known = route("r", UNKNOWN, dear, cheap, chatty, order="cheapest")
    assert names(known, input_estimate=10) == ["cheap", "dear", "chatty", "unknown"]
    assert names(known, input_estimate=100_000) == ["chatty", "cheap", "dear", "unknown"]


def test_the_fastest_first_and_whoever_is_not_known_yet_before() -> None:
    known = route("r", ABLE, PLAIN, UNKNOWN, order="fastest")
    assert names(known, FixedState(fast={"able": 0.9, "plain": 0.2})) == ["unknown", "plain", "able"]


def test_the_least_busy_first() -> None:
    now = FixedState()
    now.busy.update({"able": 3, "plain": 1})
    assert names(route("r", ABLE, PLAIN, UNKNOWN, order="least_busy"), now) == ["unknown", "plain", "able"]


def test_weights_are_shares() -> None:
    known = route("r", candidate("one", weight=1), candidate("three", weight=3), order="weighted")
    first = Counter(select(known, make_facts(), FixedState(), 0.0)[0][0].model.name for _ in range(4000))
    assert 0.70 < first["three"] / 4000 < 0.80


def test_a_weight_of_nothing_comes_last() -> None:
    known = route("r", candidate("never", weight=0), candidate("one"), order="weighted")
    assert {select(known, make_facts(), FixedState(), 0.0)[0][0].model.name for _ in range(200)} == {"one"}


def test_a_session_stays_and_sessions_spread_by_weight() -> None:
    known = route("r", candidate("one", weight=1), candidate("three", weight=3), sticky=True, order="weighted")
    own = {session: names(known, session_id=f"s{session}")[0] for session in range(2000)}
    assert all(names(known, session_id=f"s{session}")[0] == own[session] for session in range(0, 2000, 50))
    assert 0.70 < list(own.values()).count("three") / 2000 < 0.80


def test_a_session_moves_only_when_its_candidate_is_gone_and_comes_back() -> None:
    everyone = [candidate(f"m{number}") for number in range(4)]
    known = route("r", *everyone, sticky=True)
    before = {f"s{n}": names(known, session_id=f"s{n}")[0] for n in range(400)}
    without = {s: names(known, FixedState({"m2": 5.0}), session_id=s)[0] for s in before}
    assert all(without[s] == before[s] for s in before if before[s] != "m2")
    assert len({without[s] for s in before if before[s] == "m2"}) == 3


def test_without_a_session_nothing_sticks() -> None:
    assert names(route("r", ABLE, PLAIN, sticky=True)) == ["able", "plain"]


def test_sessions_keep_their_candidates_across_releases() -> None:
    known = route("r", *CANDIDATES, sticky=True)
    first = [select(known, make_facts(session_id=f"session {n}"), FixedState(), 0.0)[0][0] for n in range(40)]
    assert "".join(str(CANDIDATES.index(each)) for each in first) == "1111222210021121010110220111111110221020"


def test_sessions_keep_their_credentials_across_releases() -> None:
    chosen = [choose_credential(CREDENTIALS, f"session {n}", lambda: 0.5) for n in range(40)]
    assert "".join("-" if each is None else str(each.id - 1) for each in chosen) == (
        "2121221012210110210121211211111121121211"
    )


def test_no_share_and_no_weight_is_too_small_for_a_key() -> None:
    assert weighted_key(0.0, 1) < weighted_key(0.5, 1) < weighted_key(1.0, 1) == 0
    assert weighted_key(0.9, 0) < weighted_key(0.1, 1)
    assert 0 < session_share("s", "m") < 1

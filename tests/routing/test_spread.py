"""Weighted choices: a session's choice is the same in every worker and after every release."""

from __future__ import annotations

from routing.health.state import choose_credential
from routing.selection import select
from routing.spread import session_share, weighted_key
from tests.health.driver import credential
from tests.routing.builders import OLLAMA, candidate, make_facts, route
from tests.routing.test_selection import FixedState

CANDIDATES = (candidate("one"), candidate("three", weight=3), candidate("two", OLLAMA, weight=2))
CREDENTIALS = (credential(1), credential(2, weight=3), credential(3, weight=2))


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

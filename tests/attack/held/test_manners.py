"""Upstreams with bad manners: every stream ends as the protocol says, nothing leaks, and memory stays."""

from __future__ import annotations

import json

import pytest

from providers.dialects import DIALECTS
from tests.attack.rig.manners import MANNERS, SCRIPT
from tests.attack.rig.rig import Rig
from tests.harness.call import Answer
from tests.harness.script import Reply

_MOST = 96 * 1024 * 1024


def _assert_legal(answer: Answer) -> None:
    if answer.status == 200 and answer.headers["content-type"].startswith("text/event-stream"):
        if b"event: error" in answer.raw:
            answer.broken_stream()
        else:
            answer.stream()
    elif answer.status == 200:
        assert answer.json["type"] == "message"
    else:
        assert answer.json["type"] == "error"
        assert answer.headers["content-type"].startswith("application/json")
    assert "location" not in answer.headers


def _meet(rig: Rig, pairs: list[tuple[str, str]]) -> None:
    """Each manner of an upstream of a dialect, stream and whole."""
    with rig.configure():
        # Routes of their own: a circuit that one manner opens is closed for the next.
        routes = [rig.new_route(dialect) for _, dialect in pairs]
    for (manner, dialect), route in zip(pairs, routes, strict=True):
        for stream in (True, False):
            script = rig.script(MANNERS[manner](dialect))
            answer = rig.client().post(rig.body(script, model=route, stream=stream))
            assert script.seen, (manner, dialect)
            _assert_legal(answer)
            assert rig.marks.found_in(answer.raw + json.dumps(answer.headers).encode()) == [], (manner, dialect)
            assert len(answer.raw) < 80 * 1024 * 1024


def test_no_manner_leaks_or_breaks_the_stream(rig: Rig) -> None:
    dialects = list(DIALECTS)
    pairs = [
        (manner, dialects[number % len(dialects)]) for number, manner in enumerate(MANNERS) if "endless" not in manner
    ]
    with rig.watching() as toll:
        _meet(rig, pairs)
    assert toll.grown < _MOST
    rig.assert_serves()


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_manner_in_any_dialect(dialect: str, rig: Rig) -> None:
    with rig.watching() as toll:
        _meet(rig, [(manner, dialect) for manner in MANNERS])
    assert toll.grown < _MOST
    rig.assert_serves()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int, rig: Rig) -> None:
    with rig.configure():
        route = rig.new_route("anthropic")
    there = rig.script()
    location = f"{rig.upstream.base_url}/anthropic/{there.mark}"
    answer = rig.client().post(rig.body(rig.script(Reply([], status, {"location": location})), model=route))
    assert answer.status >= 400
    assert there.mark not in answer.raw.decode() + str(answer.headers)
    assert there.seen == []


def test_a_script_in_an_error_stays_text(rig: Rig) -> None:
    with rig.configure():
        route = rig.new_route("openai_chat")
    script = rig.script(MANNERS["script in an error"]("openai_chat"))
    answer = rig.client().post(rig.body(script, model=route))
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    row = rig.rows.request(answer.request_id)
    assert SCRIPT not in f"{row.error_code}{row.error_type}{row.error_message}{row.provider_message}"

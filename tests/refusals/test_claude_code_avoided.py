"""What the gateway does not answer, and why: the last table of docs/refusals.md, with the real Claude Code and a mock
that answers so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import claude_code
from tests.clients.relay import Relay
from tests.harness import speak
from tests.harness.gateway import ROOT
from tests.harness.script import Reply, Script
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.clients

_PAGE = (ROOT / "docs" / "refusals.md").read_text()
_ROW = re.compile(r"^\| (?P<answer>[^|]+) \| (?P<requests>\d+) \| (?P<shown>[^|]+) \| [^|]+ \|$", re.M)
TABLE = {row["answer"]: row for row in _ROW.finditer(_PAGE)}
ANSWER = "The whole answer."
WORDS = "Ask the operator of this mock."


def _refusal(status: int, **headers: str) -> Reply:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return speak.refusal("anthropic", status, WORDS, headers=names)


def _broken() -> Reply:
    return Reply([speak.opening("anthropic", "Half of"), speak.error_in_stream("anthropic", WORDS)])


def _message() -> Reply:
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-up",
        "content": [{"type": "text", "text": ANSWER}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 20, "output_tokens": 4},
    }
    return Reply([json.dumps(body).encode()], headers={"content-type": "application/json"})


CASES: dict[str, list[Reply]] = {
    "401 without `x-should-retry`": [_refusal(401)],
    "429 without `retry-after`": [_refusal(429)],
    "429 with a `retry-after` above 60": [_refusal(429, retry_after="61")],
    "500": [_refusal(500)],
    "529 without `retry-after`": [_refusal(529)],
    "529 with `x-should-retry: false`": [_refusal(529, x_should_retry="false")],
    "402": [_refusal(402)],
    "an `error` event within an answer": [_broken(), _message()],
    "an answer that ends with `max_tokens`": [speak.reply("anthropic", speak.text("Half of"), finish="length")],
}
RETRIED = [case for case, row in TABLE.items() if row["requests"] == "11"]


def test_every_row_of_the_table_has_a_case() -> None:
    assert set(TABLE) == set(CASES)


@pytest.fixture
def relay(upstream: Upstream) -> Iterator[Relay]:
    """What counts the requests to the mock."""
    with Relay(int(upstream.base_url.rpartition(":")[2])) as running:
        yield running


@pytest.mark.parametrize("case", CASES)
def test_what_claude_code_makes_of_an_answer(case: str, tmp_path: Path, relay: Relay, upstream: Upstream) -> None:
    row, retried = TABLE[case], case in RETRIED
    script = upstream.script(*CASES[case])
    ran = _run(tmp_path, relay, script, most_retries=1 if retried else None)
    assert len(relay.seen) == (2 if retried else int(row["requests"]))
    shown = row["shown"].replace("*answer*", ANSWER).replace("*sentence*", WORDS).replace("*gateway*", relay.address)
    assert ran.result["result"] == shown
    assert ran.status == int(shown != ANSWER)
    # An answer that broke is asked for once more, as a whole.
    assert [answer.streamed for answer in relay.seen] == [True, shown != ANSWER, True, True][: len(relay.seen)]


@pytest.mark.parametrize("case", RETRIED)
def test_how_often_claude_code_would_ask(case: str, tmp_path: Path, relay: Relay, upstream: Upstream) -> None:
    """All its tries take three minutes. It announces them at its first wait."""
    (refusal,) = CASES[case]
    script = upstream.script(refusal, speak.answer("anthropic", ANSWER))
    ran = _run(tmp_path, relay, script)
    assert ran.succeeded()["result"] == ANSWER
    assert ran.waits == [(1, int(TABLE[case]["requests"]) - 1, refusal.status)]
    assert [answer.status for answer in relay.seen] == [refusal.status, 200]


def _run(tmp_path: Path, relay: Relay, script: Script, *, most_retries: int | None = None) -> claude_code.Run:
    return claude_code.run(
        claude_code.LATEST,
        tmp_path / "home",
        f"http://{relay.address}",
        "made-up",
        "claude-mock",
        f"Hello. {script.mark}",
        most_retries=most_retries,
    )

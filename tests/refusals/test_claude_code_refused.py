"""The table of docs/refusals.md, with the real Claude Code: how often it asks, how it ends, and what a person reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from tests.clients import claude_code
from tests.clients.relay import Relay
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Key, Standing, make_key, make_model, make_provider, make_route
from tests.harness.gateway import ROOT, Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.clients

_PAGE = (ROOT / "docs" / "refusals.md").read_text()
_ROW = re.compile(r"^\| (?P<refusal>[^|]+) \| (?P<status>\d+) [^|]+ \| (?P<requests>\d+) \| (?P<shown>[^|]+) \|$", re.M)
TABLE = {row["refusal"]: row for row in _ROW.finditer(_PAGE)}

_BODIES = 400_000
"""Bytes of bodies under way of one key; Claude Code's are under 120 KB."""


@pytest.fixture(scope="module")
def strict(live_database: None, standing: Standing) -> Iterator[Gateway]:
    """A gateway that has enough of a key's requests soon."""
    limits = {"MAX_REQUESTS_PER_KEY": "2", "MAX_BODIES_BYTES_PER_KEY": str(_BODIES), "MAX_BODY_BYTES": str(_BODIES)}
    running = Gateway("strict", env={"CIRCUIT_BREAKER": "false", **limits})
    yield running.start()
    running.stop()


@pytest.fixture
def relay(strict: Gateway) -> Iterator[Relay]:
    """What counts the requests."""
    with Relay(strict.port) as running:
        yield running


Case = tuple[Key, str, str]
"""A client key, the model that is asked for, and a part of the sentence."""


def _revoked(standing: Standing, upstream: Upstream) -> Case:
    return make_key(revoked_at=timezone.now()), standing.routes["anthropic"].name, "was revoked. Ask an administrator"


def _disabled(standing: Standing, upstream: Upstream) -> Case:
    return make_key(disabled_at=timezone.now()), standing.routes["anthropic"].name, "is disabled. Ask an administrator"


def _empty(standing: Standing, upstream: Upstream) -> Case:
    return make_key(allowed_routes="none-such"), standing.routes["anthropic"].name, "may use no model of this gateway"


def _unknown(standing: Standing, upstream: Upstream) -> Case:
    return make_key(allowed_routes=standing.routes["anthropic"].name), "claude-unknown", "There is no model"


def _forbidden(standing: Standing, upstream: Upstream) -> Case:
    key = make_key(allowed_routes=standing.routes["anthropic"].name)
    return key, standing.routes["openai_chat"].name, f"It may use: {standing.routes['anthropic'].name}. Ask"


def _dead(standing: Standing, upstream: Upstream) -> Case:
    model = make_model(make_provider("anthropic", upstream.base_url), enabled=False)
    return make_key(), make_route([model]).name, "Ask an administrator to check the route."


def _invalid(standing: Standing, upstream: Upstream) -> Case:
    return standing.key, standing.routes["anthropic"].name, "messages.0 cannot be read."


def _unpaid(standing: Standing, upstream: Upstream) -> Case:
    return standing.key, standing.routes["anthropic"].name, "requires payment for this gateway's account (HTTP 402)"


CASES: dict[Callable[[Standing, Upstream], Case], str] = {
    _revoked: "the client key is missing, unknown, revoked, expired, deleted or rotated out",
    _disabled: (
        "the client key, its team or its owner is disabled, the owner left the team, or the address is not allowed"
    ),
    _empty: "the client key may use no model at all",
    _unknown: "the model is unknown, switched off, or not allowed for the key",
    _forbidden: "the model is unknown, switched off, or not allowed for the key",
    _dead: "no candidate of the route can be called; the gateway could not read its database for `MAX_STALE`",
    _invalid: "a provider finds the request invalid; no candidate of the route can serve it",
    _unpaid: "a provider refuses the gateway: its credential, its bill, its permissions (401, 402, 403)",
}
PROVIDERS_OWN: dict[Callable[[Standing, Upstream], Case], Reply] = {
    _invalid: speak.refusal("anthropic", 400, "messages.0 cannot be read.", code="invalid_request_error"),
    _unpaid: speak.refusal("anthropic", 402, "Your credit balance is too low.", code="billing_error"),
}
"""What the provider says in these cases. In the others it is not asked."""


def test_every_refusal_that_is_given_up_at_once_has_a_case() -> None:
    assert set(TABLE) == set(CASES.values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__.strip("_"))
def test_what_claude_code_makes_of_a_refusal(
    case: Callable[[Standing, Upstream], Case],
    tmp_path: Path,
    relay: Relay,
    strict: Gateway,
    standing: Standing,
    upstream: Upstream,
    orm: Rows,
) -> None:
    key, model, words = case(standing, upstream)
    strict.wait_snapshot()
    row = TABLE[CASES[case]]
    script = upstream.script(PROVIDERS_OWN.get(case, Reply(status=500)))
    ran = claude_code.run(
        claude_code.LATEST, tmp_path / "home", f"http://{relay.address}", key.secret, model, f"Hello. {script.mark}"
    )
    assert [answer.status for answer in relay.seen] == [int(row["status"])] * int(row["requests"])
    # The second try of a 404 is not streamed.
    assert [answer.streamed for answer in relay.seen] == [
        answer.status != 404 or not number for number, answer in enumerate(relay.seen)
    ]
    assert ran.status == 1
    sentence = relay.seen[0].sentence
    assert words in sentence
    shown = row["shown"].replace("*sentence*", sentence).replace("*model*", model).replace("*gateway*", relay.address)
    assert ran.result["result"] == shown
    if int(row["status"]) not in {401, 403} or case is _empty:
        session = ran.result["session_id"]
        rows = orm.of_session(session, len(relay.seen))
        assert [one.attempts for one in rows] == [int(case in PROVIDERS_OWN)] * len(relay.seen)
        assert all(one.sentence_code for one in rows)


def test_a_key_helper_is_asked_again_after_a_refused_key(
    tmp_path: Path, relay: Relay, standing: Standing, upstream: Upstream
) -> None:
    unknown = f"{standing.key.secret[:-1]}?"
    script = upstream.script(speak.answer("anthropic", "With the new key."))
    helper = f"[ -e ~/asked ] && echo {standing.key.secret} || echo {unknown}; touch ~/asked"
    ran = claude_code.run(
        claude_code.LATEST,
        tmp_path / "home",
        f"http://{relay.address}",
        "",
        standing.routes["anthropic"].name,
        f"Hello. {script.mark}",
        key_helper=helper,
    )
    assert ran.succeeded()["result"] == "With the new key."
    assert [(answer.status, answer.headers.get("x-should-retry")) for answer in relay.seen] == [
        (401, "false"),
        (200, None),
    ]


@pytest.mark.parametrize(
    ("status", "code", "under_way", "size"),
    [(429, "too_many_requests", 2, 10), (529, "too_many_bytes", 1, _BODIES - 10_000)],
)
def test_claude_code_comes_again_when_there_was_too_much(
    status: int,
    code: str,
    under_way: int,
    size: int,
    tmp_path: Path,
    relay: Relay,
    strict: Gateway,
    standing: Standing,
    upstream: Upstream,
    orm: Rows,
) -> None:
    key, model, gate = make_key(), standing.routes["anthropic"].name, Gate()
    strict.wait_snapshot()
    holding = upstream.script(Reply(before=[gate], steps=speak.answer("anthropic").steps))
    script = upstream.script(speak.answer("anthropic", "Now it fits."))
    body: dict[str, Any] = message(model, f"{holding.prompt} {'x' * size}")
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(under_way + 1))
        stack.callback(gate.open)
        held = [pool.submit(Client(strict.base_url, key.secret).post, body) for _ in range(under_way)]
        holding.wait(under_way)
        running = pool.submit(
            claude_code.run,
            claude_code.LATEST,
            tmp_path / "home",
            f"http://{relay.address}",
            key.secret,
            model,
            f"Hello. {script.mark}",
        )
        until(lambda: relay.seen or running.done(), "a first answer")
        gate.open()
        for one in held:
            assert one.result().stream().complete
        ran = running.result()
    assert ran.succeeded()["result"] == "Now it fits."
    assert [(answer.status, answer.headers.get("retry-after")) for answer in relay.seen] == [(status, "5"), (200, None)]
    assert ran.waits == [(1, 10, status)]
    assert "under way" in relay.seen[0].sentence
    rows = orm.of_session(ran.result["session_id"], 2)
    assert [(row.outcome, row.sentence_code, row.attempts) for row in rows] == [
        ("refused", code, 0),
        ("completed", "", 1),
    ]

"""What a provider says is neither believed nor repeated: its counts, our secrets in its errors, its heads."""

from __future__ import annotations

import pytest

from providers.dialects import DIALECTS
from tests.attack.rig.rig import Rig
from tests.distrust.answers import ABSURD, ANSWERS, TEXT_TOKENS
from tests.harness import speak
from tests.harness.script import Reply


@pytest.mark.parametrize("dialect", DIALECTS)
def test_whatever_a_provider_counts_its_answer_is_on_a_row_and_has_a_cost(dialect: str, rig: Rig) -> None:
    for wrong in (*ABSURD, None):
        answer = rig.client().post(rig.body(rig.script(ANSWERS[dialect](wrong, wrong, False)), dialect))
        row = rig.rows.request(answer.request_id)
        assert row.cost, wrong
        assert (row.estimated, row.output_tokens) == (True, TEXT_TOKENS), wrong
        made = answer.stream()
        assert made.usage["output_tokens"] == row.output_tokens, wrong


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_provider_repeats_our_credential_to_nobody(dialect: str, rig: Rig) -> None:
    secret = rig.secrets[rig.routes[dialect]]
    refusal = speak.refusal(dialect, 400, f"no key {secret} here", code=secret, headers={"x-request-id": secret})
    broken = Reply([speak.opening(dialect, "So"), speak.error_in_stream(dialect, f"no key {secret[:20]} here")])
    for reply in (refusal, broken):
        answer = rig.client().post(rig.body(rig.script(reply), dialect))
        assert rig.marks.found_in(answer.raw) == []
        assert secret[:20].encode() not in answer.raw
        assert b"no key [redacted] here" in answer.raw
        row = rig.rows.request(answer.request_id)
        assert rig.marks.found_in(repr([row.__dict__, *(attempt.__dict__ for attempt in rig.rows.attempts(row))])) == []


def test_informational_responses_are_no_answer(rig: Rig) -> None:
    script = rig.script(Reply(raw=b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n" * 300_000))
    with rig.watching() as toll:
        rig.client().post(rig.body(script)).error(502, "api_error")
    assert toll.cpu < 2.0


def test_readyz_names_no_address(rig: Rig) -> None:
    nowhere = "postgresql://gateway:secret-of-the-database@127.0.0.1:9/gateway"
    with rig.serving(ready=False, DATABASE_URL=nowhere) as other:
        answer = other.client(None).get("/readyz")
    assert answer.status == 503
    for word in (b"127.0.0.1", b"secret-of-the-database", b"port"):
        assert word not in answer.raw

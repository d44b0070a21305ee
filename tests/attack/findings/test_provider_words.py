"""What a provider says: our own secrets in it, absurd counts, endless beginnings. None of it passes as it came."""

from __future__ import annotations

import json

import pytest

from providers.dialects import DIALECTS
from tests.attack.rig.rig import Rig
from tests.distrust.answers import ABSURD, ANSWERS, TEXT_TOKENS
from tests.harness import speak
from tests.harness.script import Reply
from usage.models import SetAside


@pytest.mark.parametrize("dialect", DIALECTS)
def test_our_credential_is_cut_out_of_a_provider_s_error(dialect: str, rig: Rig) -> None:
    for status in (400, 401, 404, 429, 500):
        with rig.configure():
            route = rig.new_route(dialect)
        secret = rig.secrets[route]
        words = f"Incorrect API key provided: {secret}. Bearer {secret}"
        replies = (
            speak.refusal(dialect, status, words, code=secret),
            Reply([speak.opening(dialect, "half"), speak.error_in_stream(dialect, words)]),
        )
        for reply in replies:
            script = rig.script(reply)
            for stream in (True, False):
                answer = rig.client().post(rig.body(script, model=route, stream=stream))
                assert rig.marks.found_in(answer.raw + str(answer.headers).encode()) == [], (status, stream)
                row = rig.rows.request(answer.request_id)
                stored = [row.__dict__, *(attempt.__dict__ for attempt in rig.rows.attempts(row))]
                assert rig.marks.found_in(repr(stored)) == [], (status, stream)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_absurd_counts_are_counted_here(dialect: str, rig: Rig) -> None:
    before = SetAside.objects.count()
    for wrong in (*ABSURD, None):
        answer = rig.client().post(rig.body(rig.script(ANSWERS[dialect](wrong, wrong, False)), dialect))
        row = rig.rows.request(answer.request_id)
        assert row.cost, wrong
        assert (row.estimated, row.output_tokens) == (True, TEXT_TOKENS), wrong
        assert answer.stream().usage["output_tokens"] == row.output_tokens, wrong
    assert SetAside.objects.count() == before


def test_answers_that_say_nothing_are_counted_and_priced(rig: Rig) -> None:
    for dialect in DIALECTS:
        script = rig.script(Reply([speak.opening(dialect, "Some words that somebody pays for. " * 10)]))
        answer = rig.client().post(rig.body(script, dialect))
        row = rig.rows.request(answer.request_id)
        assert row.cost is not None, dialect
        assert row.cost > 0, dialect
        assert row.estimated, dialect


def test_a_hundred_thousand_interim_answers_are_an_error(rig: Rig) -> None:
    with rig.configure():
        route = rig.new_route("openai_chat")
    script = rig.script(Reply(before=[b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" * 100_000], raw=b""))
    with rig.watching() as toll:
        answer = rig.client().post(rig.body(script, model=route))
    assert answer.status >= 500
    assert toll.cpu < 1.0
    assert toll.grown < 32 * 1024 * 1024


def test_probes_name_no_addresses(rig: Rig) -> None:
    url = "postgresql://marked_user:marked_password@127.0.0.1:9/marked_name"
    with rig.serving(ready=False, DATABASE_URL=url) as other:
        text = json.dumps(other.gateway.readiness())
    for word in ("marked_user", "marked_password", "127.0.0.1", "marked_name", "port 9"):
        assert word not in text

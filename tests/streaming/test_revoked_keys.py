"""A client key that ends while its answers are under way: they finish, or are cut in every worker within a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.utils import timezone

from access.models import ClientKey, Team
from routing.loading import store
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Key, Standing, make_key, unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.both_databases

SECONDS = 3.0
"""A second, with room for a loaded machine."""


@pytest.fixture(scope="module")
def cutting(live_database: None, standing: Standing) -> Iterator[Gateway]:
    """Two workers that cut."""
    running = Gateway("cut", workers=2, env={"REVOKED_KEYS": "cut"})
    running.start()
    yield running
    running.stop()


def _wait_loaded(cutting: Gateway) -> None:
    """Both workers know the new keys: one of them is asked, the other looks as often."""
    cutting.wait_snapshot()
    time.sleep(3 * store.INTERVAL)


def _revoke(key: Key) -> None:
    ClientKey.objects.filter(pk=key.row.pk).update(revoked_at=timezone.now())


def _delete(key: Key) -> None:
    key.row.delete()


def _disable(key: Key) -> None:
    Team.objects.filter(pk=key.row.team_id).update(enabled=False)


def _expire(key: Key) -> None:
    ClientKey.objects.filter(pk=key.row.pk).update(expires_at=timezone.now() + timedelta(seconds=0.5))


_ASK = "Ask an administrator of this gateway"
ENDS: list[tuple[Callable[[Key], None], str, str, str]] = [
    (
        end,
        "permission_error" if end is _disable else "authentication_error",
        code,
        f"The client key{what} while this answer was under way. {_ASK}{'' if end is _disable else ' for a new one'}.",
    )
    for end, code, what in (
        (_revoke, "key_revoked", " was revoked"),
        (_expire, "key_expired", " expired"),
        (_delete, "key_deleted", " was deleted"),
        (_disable, "team_disabled", "'s team was disabled"),
    )
]


@pytest.mark.parametrize(("end", "error", "code", "sentence"), ENDS, ids=[code for _, _, code, _ in ENDS])
def test_running_streams_end_in_every_worker(
    end: Callable[[Key], None],
    error: str,
    code: str,
    sentence: str,
    cutting: Gateway,
    upstream: Upstream,
    standing: Standing,
    orm: Rows,
) -> None:
    key = make_key(Team.objects.create(name=unique("team")))
    other = make_key()
    _wait_loaded(cutting)
    gate = Gate()
    script = upstream.script(
        Reply([speak.opening("openai_chat", "so far"), gate, *speak.chat_answer("the rest").steps])
    )
    body = message(standing.routes["openai_chat"].name, script.prompt)
    with ExitStack() as stack:
        # As many as it takes for both workers to have one.
        streams = [stack.enter_context(Client(cutting.base_url, key.secret).reading(body)) for _ in range(6)]
        bystander = stack.enter_context(Client(cutting.base_url, other.secret).reading(body))
        for stream in (*streams, bystander):
            stream.until(b"so far")
        began = time.monotonic()
        end(key)
        for stream in streams:
            parsed, failure = stream.finish().broken_stream()
            assert (failure["type"], failure["message"]) == (error, sentence)
            assert parsed.text == "so far"
        assert time.monotonic() - began < SECONDS
        gate.open()
        assert bystander.finish().stream().text == "so farthe rest"
        ids = [stream.headers["request-id"] for stream in streams]
    for row in map(orm.request, ids):
        assert (row.outcome, row.error_type, row.error_code, row.error_message) == (
            "interrupted",
            error,
            code,
            sentence,
        )
        assert row.http_status == 200
        # What was sent until then is accounted.
        assert row.output_tokens
        assert row.cost is not None
        assert row.estimated
        (attempt,) = orm.attempts(row)
        assert (attempt.outcome, attempt.output_tokens) == ("interrupted", row.output_tokens)


def test_an_answer_that_has_not_begun_gets_a_status(
    cutting: Gateway, upstream: Upstream, standing: Standing, orm: Rows
) -> None:
    key = make_key()
    _wait_loaded(cutting)
    gate = Gate()
    script = upstream.script(Reply([gate]))
    body = message(standing.routes["openai_chat"].name, script.prompt, stream=False)
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(1))
        asked = pool.submit(Client(cutting.base_url, key.secret).post, body)
        script.wait(1)
        _revoke(key)
        answer = asked.result(SECONDS)
        gate.open()
    assert "was revoked while" in answer.error(401, "authentication_error")
    assert orm.request(answer.request_id).error_code == "key_revoked"
    # The next one is refused as ever.
    assert "was revoked" in Client(cutting.base_url, key.secret).post(body).error(401, "authentication_error")


def test_by_default_they_finish(gateway: Gateway, upstream: Upstream, standing: Standing, orm: Rows) -> None:
    key = make_key()
    gateway.wait_snapshot()
    gate = Gate()
    script = upstream.script(
        Reply([speak.opening("openai_chat", "so far"), gate, *speak.chat_answer("the rest").steps])
    )
    body = message(standing.routes["openai_chat"].name, script.prompt)
    client = Client(gateway.base_url, key.secret)
    with client.reading(body) as stream:
        stream.until(b"so far")
        _revoke(key)
        gateway.wait_snapshot()
        client.post(body).error(401, "authentication_error")
        gate.open()
        assert stream.finish().stream().complete
        row = orm.request(stream.headers["request-id"])
    assert row.outcome == "completed"

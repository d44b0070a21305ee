"""A client key that ends while its answers are under way: they finish, or are cut in every worker within a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from access import key_actions
from access.models import ClientKey, Membership, Team
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Key, Standing, make_key, unique
from tests.harness.gateway import Gateway
from tests.harness.patience import PATIENCE, at_best
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.both_databases

SECONDS = 2.0
"""A second, and half a second until a key expires."""


@pytest.fixture(scope="module")
def cutting(live_database: None, standing: Standing) -> Iterator[Gateway]:
    """Two workers that cut."""
    running = Gateway("cut", workers=2, env={"REVOKED_KEYS": "cut"})
    running.start()
    yield running
    running.stop()


def _revoke(key: Key) -> None:
    ClientKey.objects.filter(pk=key.row.pk).update(revoked_at=timezone.now())


def _delete(key: Key) -> None:
    key.row.delete()


def _disable(key: Key) -> None:
    Team.objects.filter(pk=key.row.team_id).update(enabled=False)


def _expire(key: Key) -> None:
    ClientKey.objects.filter(pk=key.row.pk).update(expires_at=timezone.now() + timedelta(seconds=0.5))


def _rotate(key: Key) -> None:
    assert key.row.owner is not None
    key_actions.rotate(key.row.owner, key.row, timedelta(0))


def _disable_key(key: Key) -> None:
    key_actions.disable(_lead(key), key.row)


def _disable_owner(key: Key) -> None:
    assert key.row.owner is not None
    User.objects.filter(pk=key.row.owner.pk).update(is_active=False)


def _leave(key: Key) -> None:
    Membership.objects.filter(user=key.row.owner_id).delete()


def _lead(key: Key) -> User:
    """A lead of the key's team."""
    person = User.objects.create_user(unique("lead"))
    Membership.objects.create(team=key.row.team, user=person, role="lead")
    return person


_UNDER_WAY = " while this answer was under way. "
_ASK = "Ask an administrator of this gateway"
_NEW = f"{_ASK} for a new one."
ENDS: list[tuple[Callable[[Key], None], int, str, str]] = [
    (_revoke, 401, "key_revoked", f"The client key was revoked{_UNDER_WAY}{_NEW}"),
    (_expire, 401, "key_expired", f"The client key expired{_UNDER_WAY}{_NEW}"),
    (_delete, 401, "key_deleted", f"The client key was deleted{_UNDER_WAY}{_NEW}"),
    (
        _rotate,
        401,
        "key_replaced",
        f"The secret of this client key was replaced{_UNDER_WAY}Send the request again with the new one.",
    ),
    (_disable_key, 403, "key_disabled", f"The client key was disabled{_UNDER_WAY}{_ASK} to enable it."),
    (_disable, 403, "team_disabled", f"The client key's team was disabled{_UNDER_WAY}{_ASK}."),
    (_disable_owner, 403, "owner_disabled", f"The client key's owner was disabled{_UNDER_WAY}{_ASK}."),
    (_leave, 403, "owner_left", f"The client key's owner left the team{_UNDER_WAY}Ask for a key of your own."),
]
_TYPES = {401: "authentication_error", 403: "permission_error"}


@pytest.mark.parametrize(("end", "status", "code", "sentence"), ENDS, ids=[code for _, _, code, _ in ENDS])
def test_running_streams_end_in_every_worker(
    end: Callable[[Key], None],
    status: int,
    code: str,
    sentence: str,
    cutting: Gateway,
    upstream: Upstream,
    standing: Standing,
    orm: Rows,
) -> None:
    def seconds() -> float:
        key, other = _owned_key(), make_key()
        cutting.wait_snapshot()
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
                assert (failure["type"], failure["message"]) == (_TYPES[status], sentence)
                assert parsed.text == "so far"
            took = time.monotonic() - began
            cutting.wait_snapshot()
            again = [Client(cutting.base_url, key.secret).get("/v1/me") for _ in range(8)]
            assert {answer.status for answer in again} == {status}
            gate.open()
            assert bystander.finish().stream().text == "so farthe rest"
        for stream in streams:
            _assert_accounted(orm, stream.headers["request-id"], _TYPES[status], code, sentence)
        return took

    at_best(SECONDS, seconds)


def _owned_key() -> Key:
    team, owner = Team.objects.create(name=unique("team")), User.objects.create_user(unique("member"))
    Membership.objects.create(team=team, user=owner)
    return make_key(team, owner=owner)


def _assert_accounted(orm: Rows, request_id: str, error: str, code: str, sentence: str) -> None:
    """What was sent until an answer was cut is on its row, and why it was cut."""
    row = orm.request(request_id)
    assert (row.outcome, row.error_type, row.error_code, row.error_message) == ("interrupted", error, code, sentence)
    assert row.http_status == 200
    assert row.output_tokens
    assert row.cost is not None
    assert row.estimated
    (attempt,) = orm.attempts(row)
    assert (attempt.outcome, attempt.output_tokens) == ("interrupted", row.output_tokens)


def test_an_answer_that_has_not_begun_gets_a_status(
    cutting: Gateway, upstream: Upstream, standing: Standing, orm: Rows
) -> None:
    key = make_key()
    cutting.wait_snapshot()
    gate = Gate()
    script = upstream.script(Reply([gate]))
    body = message(standing.routes["openai_chat"].name, script.prompt, stream=False)
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(1))
        asked = pool.submit(Client(cutting.base_url, key.secret).post, body)
        script.wait(1)
        _revoke(key)
        answer = asked.result(PATIENCE)
        gate.open()
    assert "was revoked while" in answer.error(401, "authentication_error")
    assert answer.headers["x-should-retry"] == "false"
    assert orm.request(answer.request_id).error_code == "key_revoked"
    # The next one is refused as ever, by the other worker too once it has read the change.
    cutting.wait_snapshot()
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

"""A stream that somebody cuts ends in whichever worker has it, within seconds, with an error that says so."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from django.contrib.auth.models import User

from access.audit.models import AuditEntry
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, make_key
from tests.harness.forms import Admin
from tests.harness.gateway import Gateway
from tests.harness.patience import PATIENCE, until
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream
from tests.live.watching import cookies_of, id_of, in_two_workers, watching
from usage.live.models import Cut

pytestmark = pytest.mark.both_databases
SENTENCE = (
    "An administrator of this gateway, or a lead of the client key's team, cut this answer off. Ask them before "
    "you send the request again."
)


def _path(identity: str) -> str:
    return f"/admin/console/live/{identity}/cut/"


def test_streams_of_both_workers_are_cut(
    two_workers: Gateway, upstream: Upstream, standing: Standing, orm: Rows, person: Callable[..., User]
) -> None:
    key = make_key()
    two_workers.wait_snapshot()
    gate = Gate()
    script = upstream.script(Reply([speak.opening("openai_chat", "so far"), gate, *speak.chat_answer("rest").steps]))
    body = message(standing.routes["openai_chat"].name, script.prompt)
    with ExitStack() as stack:
        stack.callback(gate.open)
        admin = stack.enter_context(Admin(two_workers.base_url))
        eyes = stack.enter_context(watching(two_workers.base_url, cookies_of(person(is_superuser=True))))

        def begin() -> Any:
            stream = stack.enter_context(Client(two_workers.base_url, key.secret).reading(body))
            stream.until(b"so far")
            return stream

        (one, *rest), (other, *more) = in_two_workers(begin, eyes)[:2]
        third, bystander, *_ = [*rest, *more]
        cut = [one, other, third]
        # One of them alone, and all others at once.
        admin.submit(_path(id_of(cut[0])), why="it runs wild")
        with ThreadPoolExecutor(len(cut)) as pool:
            admins = [stack.enter_context(Admin(two_workers.base_url)) for _ in cut[1:]]
            list(pool.map(lambda who, stream: who.submit(_path(id_of(stream)), why="it runs wild"), admins, cut[1:]))
        for stream in cut:
            parsed, failure = stream.finish().broken_stream()
            assert (parsed.text, failure["type"], failure["message"]) == ("so far", "permission_error", SENTENCE)
        gate.open()
        assert bystander.finish().stream().text == "so farrest"
        for stream in cut:
            row = orm.request(stream.headers["request-id"])
            assert (row.outcome, row.error_code, row.error_message) == ("interrupted", "cut_by_administrator", SENTENCE)
            assert row.output_tokens
            assert row.cost is not None
        # Each worker says that it has cut what it was asked to.
        asked_for = Cut.objects.filter(request_log_id__in=[id_of(stream) for stream in cut])
        until(lambda: asked_for.count() == len(cut) and not asked_for.filter(done_at=None).exists())
        assert "That stream has ended" in admin.page(_path(id_of(cut[0])))
        name = admin.name
    for stream in cut:
        entries = AuditEntry.objects.filter(object_name=stream.headers["request-id"]).order_by("pk")
        asked, answered = entries
        assert (asked.action, "it runs wild" in asked.changes) == ("stream cut asked for", True)
        assert answered.action in {"stream cut", "stream cut not answered"}
    assert (
        AuditEntry.objects.get(action="stream cut asked for", object_name=cut[0].headers["request-id"]).person_name
        == name
    )


def test_an_answer_that_has_not_begun_gets_a_status(
    two_workers: Gateway, upstream: Upstream, standing: Standing, orm: Rows, person: Callable[..., User]
) -> None:
    key = make_key()
    two_workers.wait_snapshot()
    gate = Gate()
    script = upstream.script(Reply([gate]))
    body = message(standing.routes["openai_chat"].name, script.prompt, stream=False)
    with ExitStack() as stack:
        admin = stack.enter_context(Admin(two_workers.base_url))
        eyes = stack.enter_context(watching(two_workers.base_url, cookies_of(person(is_superuser=True))))
        pool = stack.enter_context(ThreadPoolExecutor(1))
        stack.callback(gate.open)
        asked = pool.submit(Client(two_workers.base_url, key.secret).post, body)
        script.wait(1)
        eyes.until(lambda: [one for one in eyes.running.values() if one["key"] == key.row.name])
        (identity,) = (one["id"] for one in eyes.running.values() if one["key"] == key.row.name)
        admin.submit(_path(identity), why="")
        answer = asked.result(PATIENCE)
    assert answer.error(403, "permission_error") == SENTENCE
    assert orm.request(answer.request_id).error_code == "cut_by_administrator"

"""Whoever looks sees the streams of every worker while they run, and how they ended; nobody else costs anything."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from django.contrib.auth.models import User
from websockets.exceptions import InvalidStatus

from access.models import Membership, Team
from routing.loading import revision
from routing.models import Revision
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, make_key, unique
from tests.harness.gateway import Gateway
from tests.harness.patience import PATIENCE, until
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream
from tests.live.watching import MY_PATH, PATH, Watching, cookies_of, id_of, in_two_workers, watching
from usage.live.models import LiveSample

pytestmark = pytest.mark.both_databases
People = Callable[..., User]
_PROVIDERS = {"provider", "provider_id", "route_id"}


def test_a_watcher_sees_both_workers(
    two_workers: Gateway, upstream: Upstream, standing: Standing, orm: Rows, person: People
) -> None:
    key = make_key()
    two_workers.wait_snapshot()
    gate = Gate()
    script = upstream.script(Reply([speak.opening("openai_chat", "so far"), gate, *speak.chat_answer("rest").steps]))
    route = standing.routes["openai_chat"]
    body = message(route.name, script.prompt)
    with ExitStack() as stack:
        stack.callback(gate.open)
        eyes = stack.enter_context(watching(two_workers.base_url, cookies_of(person(is_staff=True, is_superuser=True))))

        def begin() -> Any:
            stream = stack.enter_context(Client(two_workers.base_url, key.secret).reading(body))
            stream.until(b"so far")
            return stream

        streams = [stream for group in in_two_workers(begin, eyes) for stream in group]
        assert eyes.workers >= 2
        shown = eyes.running[id_of(streams[0])]
        assert (shown["key"], shown["key_id"], shown["route"]) == (key.row.name, key.row.pk, route.name)
        assert (shown["provider"], shown["number"], shown["streamed"]) == (
            standing.models["openai_chat"].provider.name,
            1,
            True,
        )
        # In hundredths and in tenths of a second.
        assert shown["first"] <= shown["seconds"] + 0.05
        assert shown["tokens"] >= 1
        gate.open()
        for stream in streams:
            assert stream.finish().stream().complete
        eyes.until(lambda: {id_of(stream) for stream in streams} <= eyes.ended.keys() - eyes.running.keys())
        for stream in streams:
            row, last = orm.request(stream.headers["request-id"]), eyes.ended[id_of(stream)]
            assert (last["outcome"], last["tokens"]) == ("completed", row.output_tokens)
            assert last["seconds"] == pytest.approx((row.duration_ms or 0) / 1000, abs=0.1)


def test_rows_go_when_nobody_looks(two_workers: Gateway, orm: Rows, person: People) -> None:
    cookies = cookies_of(person(is_superuser=True))
    two_workers.wait_snapshot()
    revisions = revision.numbers()
    with watching(two_workers.base_url, cookies) as eyes:
        eyes.until(lambda: eyes.workers >= 2)
    # Workers of a version without the live view load everything again when these change.
    assert revision.numbers() == revisions
    assert not Revision.objects.exclude(scope__in=Revision.Scope.values).exists()
    until(lambda: not LiveSample.objects.exists(), lambda: list(LiveSample.objects.all()))


def test_whose_streams_somebody_sees(
    two_workers: Gateway, upstream: Upstream, standing: Standing, orm: Rows, person: People
) -> None:
    ours, theirs = Team.objects.create(name=unique("team")), Team.objects.create(name=unique("team"))
    lead, member = person(), person()
    Membership.objects.create(team=ours, user=lead, role="lead")
    Membership.objects.create(team=ours, user=member, role="member")
    keys = {"theirs": make_key(theirs), "ours": make_key(ours), "own": make_key(ours, owner=member)}
    two_workers.wait_snapshot()
    gate = Gate()
    script = upstream.script(Reply([speak.opening("openai_chat", "so far"), gate, *speak.chat_answer("rest").steps]))
    body = message(standing.routes["openai_chat"].name, script.prompt)
    with ExitStack() as stack:
        stack.callback(gate.open)
        ids = {}
        for name, key in keys.items():
            stream = stack.enter_context(Client(two_workers.base_url, key.secret).reading(body))
            stream.until(b"so far")
            ids[name] = id_of(stream)
        owner = person(is_superuser=True)
        for who, path, sees in (
            (lead, PATH, {"ours", "own"}),
            (member, MY_PATH, {"own"}),
            (owner, PATH, set(keys)),
            # At /my/ an owner sees what their memberships give.
            (owner, MY_PATH, set()),
        ):
            eyes = stack.enter_context(watching(two_workers.base_url, cookies_of(who), path=path))
            _sees(eyes, {ids[name] for name in sees}, set(ids.values()))
            # Members and leads have no page that names providers.
            named = {bool(_PROVIDERS & eyes.running[ids[name]].keys()) for name in sees}
            assert named <= {who is owner}
        gate.open()


def _sees(eyes: Watching, wanted: set[str], of: set[str]) -> None:
    # Those of other gateways on this database are seen as well.
    eyes.until(lambda: wanted <= eyes.running.keys() and eyes.workers >= 2)
    assert eyes.running.keys() & of == wanted


def test_who_may_not_look(two_workers: Gateway, orm: Rows, person: People) -> None:
    url = two_workers.base_url
    with watching(url, "") as eyes:
        assert eyes.closed_with() == 4401
    with watching(url, cookies_of(person(is_staff=True))) as eyes:
        assert eyes.closed_with() == 4403
    owner = person(is_superuser=True)
    for origin in ("https://elsewhere.example", url.replace("http", "https", 1)):
        with pytest.raises(InvalidStatus) as refused, watching(url, cookies_of(owner), origin):
            pass
        assert refused.value.response.status_code == 403


def test_rights_that_are_taken_away_end_it(two_workers: Gateway, orm: Rows, person: People) -> None:
    team, lead = Team.objects.create(name=unique("team")), person()
    Membership.objects.create(team=team, user=lead, role="lead")
    with watching(two_workers.base_url, cookies_of(lead)) as eyes:
        eyes.update()
        Membership.objects.filter(user=lead).delete()
        assert eyes.closed_with() == 4403
    # The last owner stays one.
    owner, _ = person(is_superuser=True), person(is_superuser=True)
    with watching(two_workers.base_url, cookies_of(owner)) as eyes:
        eyes.update()
        User.objects.filter(pk=owner.pk).update(is_active=False, is_superuser=False)
        assert eyes.closed_with() == 4401


def test_a_browser_that_is_gone_without_a_word_is_dropped(two_workers: Gateway, orm: Rows, person: People) -> None:
    """It answers no ping."""
    offer = (
        f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{two_workers.port}\r\nOrigin: {two_workers.base_url}\r\n"
        f"Cookie: {cookies_of(person(is_superuser=True))}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", two_workers.port), timeout=PATIENCE) as gone:
        gone.sendall(offer.encode())
        received = b""
        while part := gone.recv(65536):
            received += part
    assert received.startswith(b"HTTP/1.1 101 ")
    assert b"keepalive ping timeout" in received

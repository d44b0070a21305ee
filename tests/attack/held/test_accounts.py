"""Accounts: whatever a client does with its connection or its headers, each call of a provider is on its own row."""

from __future__ import annotations

import json
import socket

from providers.dialects import DIALECTS
from tests.attack.rig.rig import Rig
from tests.harness import speak
from tests.harness.configure import Key
from tests.harness.http.raw import CLOSE, request
from tests.harness.patience import until
from tests.harness.script import HANG, Reply, Script
from usage.models import RequestLog


def _half(script: Script, rig: Rig, key: Key) -> None:
    """A body that stops in the middle, and a head that does."""
    whole = request(rig.body(script), ("Host", "127.0.0.1"), ("x-api-key", key.secret))
    for part in (whole[:-20], whole[: whole.index(b"\r\n\r\n")]):
        with socket.create_connection(("127.0.0.1", rig.port)) as connection:
            connection.sendall(part)


def test_no_call_of_a_provider_is_without_a_row(rig: Rig) -> None:
    with rig.configure():
        key = rig.new_key()
    client = rig.client(key.secret)
    script = rig.script()
    leaving = rig.script(Reply([speak.opening("anthropic", "half"), HANG]))

    client.leave_unanswered(rig.body(leaving), lambda: leaving.wait(), "leaves")
    with client.reading(rig.body(leaving)) as reading:
        reading.until(b"half")
        reading.leave(reset=True)
    _half(script, rig, key)
    assert client.post(rig.body(script, max_tokens=0)).status in (200, 400)
    for path in ("/v1/messages/", "//v1//messages", "/v1/v1/messages", "/v1/messages?beta=true", "/v1/messages#a"):
        client.post(rig.body(script), path=path)
    for path in ("/V1/MESSAGES", "/v1/messages%2f", "/v1/./messages", "/v1/messages;a=b", "/v1/messages%00"):
        client.post(rig.body(script), path=path)
    client.get("/v1/messages", method="HEAD")
    body = json.dumps(rig.body(script, stream=False)).encode()
    head = f"POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: {key.secret}\r\nContent-Length: {len(body)}\r\n"
    rig.raw((f"{head}\r\n".encode() + body) * 2 + f"{head}Connection: close\r\n\r\n".encode() + body)

    # What called no provider has a row as well.
    asked = RequestLog.objects.filter(key_id=key.row.pk, attempts__gt=0)
    until(lambda: asked.count() >= len(script.seen) + len(leaving.seen), "a row for each call")
    rows = list(asked)
    attempts = [attempt for row in rows for attempt in rig.rows.attempts(row)]
    assert len(attempts) == len(script.seen) + len(leaving.seen)
    assert {row.team_id for row in rows} == {key.row.team_id}
    assert all(row.cost is not None for row in rows if row.outcome == "completed")


def test_who_leaves_in_the_middle_of_an_answer_has_used_what_he_read(rig: Rig) -> None:
    for dialect in DIALECTS:
        leaving = rig.script(Reply([speak.opening(dialect, "So much text before anybody leaves. " * 20), HANG]))
        with rig.client().reading(rig.body(leaving, dialect)) as reading:
            reading.until(b"before anybody leaves")
            request_id = reading.headers["request-id"]
            reading.leave()
        row = rig.rows.request(request_id)
        assert (row.outcome, row.estimated) == ("client_closed", True), dialect
        assert row.output_tokens is not None, dialect
        assert row.output_tokens > 50, dialect
        assert row.cost is not None, dialect
        assert row.cost > 0, dialect


def test_nobody_books_on_another_team_or_asks_from_another_place(rig: Rig) -> None:
    with rig.configure():
        key = rig.new_key(tags="mine")
        other = rig.new_key(tags="theirs")
    script = rig.script()
    names = {
        "x-team": other.row.team.name,
        "x-team-id": str(other.row.team_id),
        "x-key-id": str(other.row.pk),
        "x-tags": "theirs",
        "x-user-id": "root",
        "x-forwarded-user": "admin",
        "x-attempt-id": "00000000-0000-0000-0000-000000000000",
        "request-id": "req_forged",
        "x-request-id": "req_forged",
        "x-gateway-cost": "0",
        "x-forwarded-for": "10.0.0.1",
    }
    metadata = {"user_id": json.dumps({"team": other.row.team.name, "key_id": other.row.pk, "tags": ["theirs"]})}
    answer = rig.client(key.secret, **names).post(
        rig.body(script, metadata=metadata, team=other.row.team_id, user="root")
    )
    assert answer.status in (200, 400), answer.raw
    assert answer.request_id.startswith("req_")
    assert answer.request_id != "req_forged"
    row = rig.rows.request(answer.request_id)
    assert (row.team_id, row.key_id, row.key_name) == (key.row.team_id, key.row.pk, key.row.name)
    assert not RequestLog.objects.filter(key_id=other.row.pk).exists()
    for seen in script.seen:
        assert "x-forwarded-for" not in seen.headers
        assert seen.headers.get("x-attempt-id") != names["x-attempt-id"]
        assert not [name for name in seen.headers if name in names and name != "x-attempt-id"]


def test_what_others_used_is_nobody_else_s_to_see(rig: Rig) -> None:
    with rig.configure():
        mine, other = rig.new_key(), rig.new_key()
    script = rig.script()
    asked = rig.client(other.secret).post(rig.body(script))
    rig.rows.request(asked.request_id)
    answer = rig.client(mine.secret).get(f"/v1/me?key_id={other.row.pk}&team={other.row.team_id}").raw.decode()
    assert other.row.name not in answer
    assert other.row.prefix not in answer
    assert asked.request_id not in answer
    assert rig.send(None, CLOSE, ("x-api-key", mine.secret), start="GET /v1/me HTTP/1.1").status == 200

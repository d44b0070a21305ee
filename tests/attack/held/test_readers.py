"""Clients that ask for much and read nothing: what they hold up is their own answer."""

from __future__ import annotations

import contextlib
import json
import socket
import time

import pytest

from tests.attack.rig.rig import Rig
from tests.harness import speak
from tests.harness.script import Endless, Reply

_READERS = 100


@pytest.mark.slow
def test_a_hundred_readers_that_do_not_read_fill_no_memory(rig: Rig) -> None:
    with rig.configure():
        route, key = rig.new_route("anthropic"), rig.new_key()
    words = Endless(speak.more("anthropic", "word " * 4000), 10_000)
    script = rig.script(Reply([speak.opening("anthropic", "Once"), words]))
    body = json.dumps(rig.body(script, model=route)).encode()
    head = f"POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: {key.secret}\r\nContent-Length: {len(body)}\r\n\r\n"
    with contextlib.ExitStack() as stack, rig.watching() as toll:
        for _ in range(_READERS):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", rig.port)))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(head.encode() + body)
        script.wait(_READERS)
        time.sleep(10)
        rig.assert_serves()
    assert toll.grown < 256 * 1024 * 1024, toll

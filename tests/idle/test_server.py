"""A server that nobody asks for a while answers with the Date of now, and stops at once."""

from __future__ import annotations

import http.client
import signal
import time
from email.utils import parsedate_to_datetime

from tests.harness.call import Client
from tests.harness.gateway import Gateway
from tests.harness.patience import SOON
from tests.harness.rows import Rows


def test_after_a_time_without_connections(orm: Rows) -> None:
    gateway = Gateway("idle").start()
    try:
        Client(gateway.base_url, None).get("/healthz")
        # Dates have seconds: one that stood still is another one by then.
        time.sleep(2.5)
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port)
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        answer.read()
        date = parsedate_to_datetime(answer.headers["date"]).timestamp()
        assert time.time() - date < 2
        connection.close()
        began = time.monotonic()
        gateway.signal(signal.SIGINT)
        assert gateway.wait_exit() == 0
        assert time.monotonic() - began < SOON / 2
    finally:
        gateway.stop()

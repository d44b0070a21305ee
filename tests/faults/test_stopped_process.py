"""A process that stands still for a while, as a machine that sleeps or a container without CPU, blames no provider."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import Reply, Wait
from tests.harness.upstream import Upstream


@pytest.mark.parametrize("route", ["begins", "goes_on"])
def test_what_came_meanwhile_is_in_time(
    route: str, client: Client, gateway: Gateway, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    # The first event, or the next one, has 0.4 s; the process runs for about 0.1 s of the 1.3 s that they take.
    opened = [] if route == "begins" else [speak.chat_text("still ")]
    script = upstream.script(Reply([*opened, Wait(1.3), *speak.chat_answer("in time").steps]))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.post, message(standing.routes[route].name, script.prompt))
        script.wait()
        gateway.signal(signal.SIGSTOP)
        time.sleep(1.2)
        gateway.signal(signal.SIGCONT)
        answer = asked.result()
    assert answer.stream().text.endswith("in time")
    row = orm.request(answer.request_id)
    assert (row.outcome, row.attempts) == ("completed", 1)
    assert len(script.seen) == 1

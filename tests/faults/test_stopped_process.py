"""A process that stands still for a while, as a machine that sleeps or a container without CPU, blames no provider."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import Reply, Step, Wait
from tests.harness.upstream import Upstream


@pytest.mark.parametrize(
    ("limit", "opened"), [("first_event_timeout", []), ("idle_timeout", [speak.chat_text("still ")])]
)
def test_what_came_meanwhile_is_in_time(
    limit: str, opened: list[Step], client: Client, gateway: Gateway, upstream: Upstream, orm: Rows
) -> None:
    # The first event, or the next one, has 1 s; the process runs for about 0.1 s of the 1.6 s that they take.
    fields: dict[str, Any] = {limit: 1}
    provider = make_provider("openai_chat", f"{upstream.base_url}/stopped/v1", **fields)
    route = make_route([make_model(provider)])
    gateway.wait_snapshot()
    script = upstream.script(Reply([*opened, Wait(1.6), *speak.chat_answer("in time").steps]))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.post, message(route.name, script.prompt))
        script.wait()
        gateway.signal(signal.SIGSTOP)
        time.sleep(1.5)
        gateway.signal(signal.SIGCONT)
        answer = asked.result()
    assert answer.stream().text.endswith("in time")
    row = orm.request(answer.request_id)
    assert (row.outcome, row.attempts) == ("completed", 1)
    assert len(script.seen) == 1

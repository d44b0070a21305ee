"""A configured channel layer that is dead does no harm: the gateway never joins one."""

from __future__ import annotations

from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.upstream import Upstream


def test_streams_are_unharmed_by_a_dead_channel_layer(standing: Standing, upstream: Upstream) -> None:
    gateway = Gateway("dead-layer", env={"DJANGO_SETTINGS_MODULE": "tests.servers.settings_dead_layer"})
    try:
        gateway.start()
        client = Client(gateway.base_url, standing.key.secret)
        script = upstream.script(speak.chat_answer("no layer needed"))
        for stream in (True, False):
            answer = client.post(message(standing.routes["openai_chat"].name, script.prompt, stream=stream))
            assert answer.status == 200, answer.raw
            assert b"no layer needed" in answer.raw
        assert "ConnectionError" not in gateway.logs()
    finally:
        gateway.stop()

"""Whatever stands at the address of Redis, or where the file of limits should be: limits let requests through."""

from __future__ import annotations

import asyncio
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from access.allowances.mapped import MappedStore
from access.allowances.policy import StoreUnreadable
from access.allowances.stores import Keeper
from access.models import RateLimit
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, make_key
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream


@contextmanager
def answering(reply: bytes) -> Iterator[str]:
    """The REDIS_URL of a server that answers each command so."""

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while (line := self.rfile.readline()).startswith(b"*"):
                for _ in range(int(line[1:])):
                    self.rfile.read(int(self.rfile.readline()[1:]) + 2)
                self.wfile.write(reply)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"redis://127.0.0.1:{server.server_address[1]}/0"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("reply", [b":x\r\n", b"+OK\r\n", b"*1\r\n:7\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_server_that_is_no_redis(
    reply: bytes, live_database: None, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    with answering(reply) as url:
        server = Gateway("no-redis", env={"REDIS_URL": url, "LOG_LEVEL": "INFO"})
        try:
            server.start()
            key = make_key()
            for measure, per in (("requests", "minute"), ("streams", "once")):
                RateLimit.objects.create(key=key.row, measure=measure, per=per, most=1)
            server.wait_snapshot()
            for _ in range(2):
                script = upstream.script(speak.answer("anthropic"))
                asked = message(standing.routes["anthropic"].name, script.prompt)
                assert Client(server.base_url, key.secret).post(asked).status == 200
            until(lambda: "rate limits are not counted" in server.logs(), "the log says so")
            assert Client(server.base_url, key.secret).get("/v1/me").status == 200
        finally:
            server.stop()


def test_a_folder_that_cannot_be_left_or_entered(tmp_path: Path) -> None:
    folder = tmp_path / "limits"

    async def keep() -> None:
        store = MappedStore(folder)
        keeper = Keeper(store)
        await keeper.start()
        for path in folder.iterdir():
            path.unlink()
            # Neither a file that can be opened nor one that can be removed.
            path.mkdir()
        with pytest.raises(StoreUnreadable):
            await store.keep()
        await keeper.stop()

    asyncio.run(keep())

"""The load generator, a process of its own: each line of its input is a Load to run, each of its output a Result."""

from __future__ import annotations

import asyncio
import gc
import sys
import time

import msgspec
import uvloop

from benchmarks.connection import Client, Verdict, microseconds

_GOLDEN = (5**0.5 - 1) / 2


class Load(msgspec.Struct, frozen=True):
    """`connections` clients that send `body` for `seconds`, each as soon as its last answer is whole.

    `requests` > 0 is the most that are sent in all; the connections begin spread over `ramp` seconds. `expect` is how
    many of the mock's chunks each answer holds.
    """

    port: int
    body: str
    expect: int
    headers: dict[str, str] = {}
    path: str = "/v1/messages"
    stream: bool = True
    connections: int = 1
    seconds: float = 1.0
    requests: int = 0
    ramp: float = 0.0
    timeout: float = 30.0


class Spread(msgspec.Struct, frozen=True):
    """Percentiles in milliseconds."""

    p50: float = 0.0
    p99: float = 0.0
    max: float = 0.0


class Result(msgspec.Struct):
    """`first` is the time to the first chunk without the mock's own wait; `lag` from making a chunk to its arrival."""

    sent: int
    ok: int
    errors: dict[str, int]
    first_error: str
    elapsed_s: float
    chunks: int
    duration: Spread
    first: Spread
    lag: Spread
    cpu_s: float


def spread(microseconds_: list[int]) -> Spread:
    """Percentiles of microseconds, by the nearest rank."""
    if not microseconds_:
        return Spread()
    ordered = sorted(microseconds_)
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.99))
    return Spread(p50 / 1000, p99 / 1000, ordered[-1] / 1000)


class Run:
    """One Load under way."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._loop = asyncio.get_running_loop()
        self._request = _request(load)
        self._clients: set[Client] = set()
        self._sent = 0
        self._stop_at = 0.0
        self._good: list[Verdict] = []
        self._errors: dict[str, int] = {}
        self._first_error = ""
        self._lags: list[int] = []

    async def run(self) -> Result:
        """Until the time or the requests are used up and every answer has come or timed out."""
        load, began = self._load, self._loop.time()
        self._stop_at = began + load.seconds
        cpu = time.process_time()
        late = self._loop.create_task(self._give_up_on_the_late())
        # By the golden ratio the starts, and with them the chunks of paced streams, never fall onto the same moments.
        starts = [load.ramp * (number * _GOLDEN % 1) for number in range(load.connections)]
        await asyncio.gather(*map(self._keep_sending, starts))
        late.cancel()
        good = self._good
        return Result(
            sent=self._sent,
            ok=len(good),
            errors=self._errors,
            first_error=self._first_error,
            elapsed_s=self._loop.time() - began,
            chunks=sum(verdict.chunks for verdict in good),
            duration=spread([verdict.ended - verdict.began for verdict in good]),
            first=spread([verdict.first_chunk - verdict.began - verdict.waited for verdict in good]),
            lag=spread(self._lags),
            cpu_s=time.process_time() - cpu,
        )

    async def _keep_sending(self, delay: float) -> None:
        """One connection at a time; a new one only when an answer was bad, or the server closed the last one."""
        await asyncio.sleep(delay)
        while self._more():
            try:
                _, client = await self._loop.create_connection(self._client, "127.0.0.1", self._load.port)
            except OSError as error:
                self._sent -= 1
                self._error("connect", str(error))
            else:
                self._clients.add(client)
                await client.closed.wait()
                self._clients.discard(client)
                if not self._errors:
                    continue
            await asyncio.sleep(0.02)

    def _client(self) -> Client:
        load = self._load
        return Client(self._request, stream=load.stream, expect=load.expect, more=self._more, judged=self._judged)

    def _more(self) -> bool:
        """Whether another request may go out, which is then counted as sent."""
        if self._loop.time() >= self._stop_at or 0 < self._load.requests <= self._sent:
            return False
        self._sent += 1
        return True

    def _judged(self, verdict: Verdict) -> None:
        if verdict.error is None:
            self._good.append(verdict)
            self._lags += verdict.lags
        else:
            self._error(verdict.error, verdict.detail)

    def _error(self, kind: str, detail: str) -> None:
        self._errors[kind] = self._errors.get(kind, 0) + 1
        self._first_error = self._first_error or f"{kind}: {detail}"

    async def _give_up_on_the_late(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            deadline = microseconds() - int(self._load.timeout * 1_000_000)
            for client in [client for client in self._clients if client.busy and client.began < deadline]:
                client.give_up("timeout")


def _request(load: Load) -> bytes:
    body = load.body.encode()
    headers = {
        "host": f"127.0.0.1:{load.port}",
        "user-agent": "benchmarks",
        "accept": "application/json",
        "content-type": "application/json",
        "anthropic-version": "2023-06-01",
        **load.headers,
        "content-length": str(len(body)),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {load.path} HTTP/1.1\r\n{lines}\r\n".encode() + body


async def _run(load: Load) -> Result:
    return await Run(load).run()


if __name__ == "__main__":
    gc.disable()
    for line in sys.stdin.buffer:
        outcome = uvloop.run(_run(msgspec.json.decode(line, type=Load)))
        sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
        sys.stdout.buffer.flush()
        gc.collect()

"""What a scripted upstream shall say, and what it saw: steps, replies, and the script that ties them to a prompt."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness.patience import PATIENCE, until


@dataclass(frozen=True)
class Wait:
    """Say nothing for `seconds`."""

    seconds: float


@dataclass(frozen=True)
class Gate:
    """Say nothing until the test calls `open()`."""

    event: threading.Event = field(default_factory=threading.Event)

    def open(self) -> None:
        """Let the upstream go on."""
        self.event.set()


@dataclass(frozen=True)
class Endless:
    """Send `data` again and again, as fast as it is taken, at most `times` times."""

    data: bytes
    times: int = 10**9


CUT = "cut"
"""Break the connection with a reset."""
HANG = "hang"
"""Say nothing any more, until the other side goes."""

Step = bytes | Wait | Gate | Endless | str


@dataclass
class Reply:
    """One answer: `before` runs before the status line, `steps` are the body, chunked unless a length is given."""

    steps: Iterable[Step] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    before: Iterable[Step] = ()
    raw: bytes | None = None
    """Bytes to send in place of an HTTP response."""


@dataclass
class Seen:
    """One request as it arrived. Times are time.monotonic(); `port` is the other side's."""

    path: str
    headers: dict[str, str]
    raw: bytes
    arrived: float
    connection: int
    port: int = 0
    closed: float | None = None
    """When the other side closed the connection while the answer was under way."""
    sent: int = 0
    finished: bool = False

    @property
    def body(self) -> Any:
        """The parsed JSON body."""
        return json.loads(self.raw)


class Script:
    """The answers to the requests that carry one mark: in order, the last one again and again."""

    def __init__(self, replies: dict[str, list[Reply]], mark: str = "") -> None:
        self.mark = mark or "script-" + secrets.token_hex(6)
        self.seen: list[Seen] = []
        self._replies = {prefix: list(answers) for prefix, answers in replies.items()}
        self._arrived = threading.Condition()

    @property
    def prompt(self) -> str:
        """A prompt that leads to this script."""
        return f"Please answer {self.mark}"

    def next_reply(self, seen: Seen) -> Reply | None:
        """The answer to a request, which is recorded."""
        with self._arrived:
            self.seen.append(seen)
            self._arrived.notify_all()
        for prefix, replies in self._replies.items():
            if seen.path.startswith(prefix):
                return replies.pop(0) if len(replies) > 1 else replies[0]
        return None

    def wait(self, count: int = 1, timeout: float = PATIENCE) -> Seen:
        """The request number `count`, once it is there."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.seen) >= count, timeout), (
                f"the upstream saw {len(self.seen)} requests in {timeout} s, not {count}"
            )
        return self.seen[count - 1]

    def wait_read(self, reply: Reply, count: int = 1) -> None:
        """Wait until the gateway has read all that answer number `count`, a `reply`, says before it falls silent."""
        seen = self.wait(count)
        size = sum(len(step) for step in reply.steps if isinstance(step, bytes))
        until(lambda: seen.sent >= size, "the answer to be sent")
        until(lambda: _unread_bytes(seen.port) == 0, "the answer to be read")

    def wait_closed(self, count: int = 1, timeout: float = PATIENCE) -> float:
        """When the gateway closed the connection of request number `count` (time.monotonic())."""
        seen = self.wait(count, timeout)
        until(lambda: seen.closed is not None, "the upstream connection is still open", timeout=timeout)
        assert seen.closed is not None
        return seen.closed


def _unread_bytes(port: int) -> int:
    """How many bytes wait at a TCP port of this machine for its program to read them; where only Linux could tell, none
    after a moment."""
    table = Path("/proc/net/tcp")
    if not table.exists():
        time.sleep(0.2)
        return 0
    for line in table.read_text().splitlines()[1:]:
        _, local, _, _, queues, *_ = line.split()
        if int(local.partition(":")[2], 16) == port:
            return int(queues.partition(":")[2], 16)
    return 0

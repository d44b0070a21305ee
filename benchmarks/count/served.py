"""`./gateway serve` as a program that callgrind runs: it begins and dumps its counts when its standard input says so.

A thread of its own obeys, so that neither the loop nor a request has anything to do with it.
"""

from __future__ import annotations

import os
import sys
import threading

import msgspec
from django.core.management import execute_from_command_line

from benchmarks.count import callgrind
from benchmarks.count.stillness import HeldSleeps, HeldWaits

ANSWER = b"count "
"""How a line begins that answers an order; all others are the server's own."""

Threads = dict[int, str]
"""The answer to an order: the names of Python's threads by the kernel's number."""


def main(port: str) -> None:
    """Serve until SIGTERM."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxysite.settings")
    requests = callgrind.Requests(os.environ[callgrind.LIBRARY])
    # Made here: what is imported later takes asyncio.sleep from where it then is.
    obey = Obedience(requests, HeldSleeps(), HeldWaits())
    threading.Thread(target=obey.run, name="count", daemon=True).start()
    execute_from_command_line(["manage.py", "serve", "--host", "127.0.0.1", "--port", port, "--workers", "1"])


class Obedience:
    """Takes the orders `hold` (ticks and pollers), `begin`, `dump NAME` and `release`."""

    def __init__(self, requests: callgrind.Requests, sleeps: HeldSleeps, waits: HeldWaits) -> None:
        self._requests = requests
        self._sleeps = sleeps
        self._waits = waits

    def run(self) -> None:
        """Until standard input ends."""
        for line in sys.stdin.buffer:
            order, _, name = line.decode().strip().partition(" ")
            self._obey(order, name)
            threads: Threads = {thread.native_id or 0: thread.name for thread in threading.enumerate()}
            os.write(sys.stdout.fileno(), ANSWER + msgspec.json.encode(threads) + b"\n")

    def _obey(self, order: str, name: str) -> None:
        if order == "hold":
            self._sleeps.hold()
            self._waits.hold()
        elif order == "begin":
            self._requests.begin()
        elif order == "dump":
            self._requests.dump(name)
            self._requests.list_threads()
        elif order == "release":
            self._waits.release()
            self._sleeps.release()
        else:
            raise ValueError(f"there is no order {order!r}")


if __name__ == "__main__":
    main(sys.argv[1])

"""What tests of health need outside of a gateway: a dead server, and the state in the database."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from routing.models import HealthState
from tests.harness.patience import until


@contextlib.contextmanager
def dead_server() -> Iterator[tuple[str, list[socket.socket]]]:
    """An address that takes no connection and refuses none: its queue is full, so the handshake never ends."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        for _ in range(2):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", fillers


def state_of(key: str) -> str:
    row = HealthState.objects.filter(key=key).first()
    return "" if row is None else row.state


def end_waiting(key: str) -> None:
    """Makes every gateway take the time for which a circuit is open as over, as if another worker reported it so."""
    now = timezone.now()
    until(lambda: state_of(key) == "open", f"{key} to be open")
    HealthState.objects.filter(key=key).update(until=now - timedelta(hours=1), changed_at=now, changed_by="a test")

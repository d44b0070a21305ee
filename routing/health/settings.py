"""The states of a circuit, and when it opens and for how long."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class State(StrEnum):
    """`paused` ends by itself; `open` ends with a probe, which is what `half_open` waits for."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    PAUSED = "paused"


class CircuitSettings(msgspec.Struct, frozen=True):
    """When a circuit opens, and for how long. When not `enabled`, failures are counted but nothing is rejected."""

    enabled: bool = True
    failures: int = 5
    open_seconds: float = 30.0

"""When circuits open, and for how long."""

from __future__ import annotations

import msgspec


class CircuitSettings(msgspec.Struct, frozen=True):
    """When a circuit opens, and for how long. When not `enabled`, failures are counted but nothing is rejected."""

    enabled: bool = True
    failures: int = 5
    open_seconds: float = 30.0

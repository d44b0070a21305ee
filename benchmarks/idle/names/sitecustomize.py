"""Gives the kernel the names of Python's threads, so that /proc tells whose time it is. Python 3.11 does not.

Whoever starts a program with this folder in PYTHONPATH has it done, whatever version of the gateway that is.
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

_begin: Any = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]


def _named(self: threading.Thread) -> None:
    with contextlib.suppress(OSError):
        # The kernel keeps 15 bytes.
        Path("/proc/thread-self/comm").write_text(self.name[:15])
    _begin(self)


threading.Thread._bootstrap_inner = _named  # type: ignore[attr-defined]

"""Weighted choice between equals: at random, or the same choice for a session in every worker.

Both are keys to sort by, the highest first (Efraimidis and Spirakis). With the share of a session in place of a random
number that is rendezvous hashing: all workers agree without asking, and a member that comes or goes moves only its own
sessions.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

Draw = Callable[[], float]
"""Returns a number from 0 to 1."""


def weighted_key(share: float, weight: float) -> float:
    """Returns the key of a member with a `share` from 0 to 1, random or of a session."""
    return math.log(max(share, 1e-12)) / max(weight, 1e-9)


def session_share(session: str, member: str) -> float:
    """Returns the share of a member for a session: above 0, below 1, always the same."""
    digest = hashlib.blake2b(f"{session}\0{member}".encode(), digest_size=8).digest()
    # 52 bits: more would round up to 1, whose logarithm is 0.
    return ((int.from_bytes(digest) >> 12) + 0.5) / 2**52

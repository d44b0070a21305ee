"""One credential out of several: the lowest position first, equals by weight; a session stays with its own."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence

from providers.config import CredentialConfig


def choose(usable: Sequence[CredentialConfig], session: str, dice: Callable[[], float]) -> CredentialConfig | None:
    """The one to use, of those in the order of their positions."""
    if not usable:
        return None
    first = usable[0]
    equals = [one for one in usable if one.position == first.position]
    if len(equals) == 1:
        return first
    if session:
        # Rendezvous hashing: every worker finds the same one without asking.
        return max(equals, key=lambda one: _score(_share(session, one), one))
    return max(equals, key=lambda one: _score(dice(), one))


def _score(share: float, one: CredentialConfig) -> float:
    return math.log(max(share, 1e-12)) / max(one.weight, 1e-9)


def _share(session: str, one: CredentialConfig) -> float:
    digest = hashlib.blake2b(f"{session}\0{one.id}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) + 1) / (2**64 + 1)

"""Words for how hard a model shall think, and the nearest one that a provider knows."""

from __future__ import annotations

from collections.abc import Sequence

EFFORTS = ("minimal", "low", "medium", "high", "xhigh", "max")
"""From the least to the most. Claude has those from "low" on, some providers have a lower one."""


def nearest_effort(effort: str, known: Sequence[str]) -> str:
    """The known word that comes nearest to `effort` from below, else the least one; a word unknown here is "medium".

    `known` goes from the least to the most and is not empty.
    """
    if effort not in EFFORTS:
        return "medium" if "medium" in known else known[0]
    at_most = EFFORTS[: EFFORTS.index(effort) + 1]
    return next((word for word in reversed(at_most) if word in known), known[0])

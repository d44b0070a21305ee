"""The colours and options of charts (unfold's components, Chart.js)."""

from __future__ import annotations

import json
from typing import Final

PALETTE: Final = (
    "#7c3aed", "#0ea5e9", "#10b981", "#f59e0b", "#ec4899",
    "#6366f1", "#84cc16", "#ef4444", "#0f766e", "#a16207",
)  # fmt: skip
"""One colour per series, distinct in the light and the dark theme."""
OTHER: Final = "#94a3b8"


def options(*, stacked: bool = True) -> str:
    """Chart.js options as JSON; unfold colours the grid itself."""
    ticks = {"color": "#9ca3af", "maxRotation": 0, "autoSkipPadding": 16}
    return json.dumps(
        {
            "animation": False,
            "responsive": True,
            "maintainAspectRatio": False,
            "interaction": {"mode": "index", "intersect": False},
            "plugins": {"legend": {"display": False}},
            "scales": {
                "x": {"stacked": stacked, "ticks": ticks, "grid": {"display": False}, "border": {"display": False}},
                "y": {
                    "stacked": stacked,
                    "beginAtZero": True,
                    "ticks": {**ticks, "maxTicksLimit": 6},
                    "grid": {"tickWidth": 0},
                    "border": {"display": False},
                },
            },
        }
    )

"""The figures as a table for people and as a JSON file for later comparison."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.workloads import DIRECT, Figure

RESULTS = Path(__file__).resolve().parent / "results"

CROWDED = 0.1
"""From this share of the gateway's core on, other processes are in the delays that are measured."""


def table(figures: Sequence[Figure]) -> str:
    """A Markdown table: figure, value, its bar, and the same figure of whatever was measured beside it."""
    others = list(dict.fromkeys(name for figure in figures for name in figure.beside))
    rows = [["", "figure", "measured", "bar", "", *others], []]
    for figure in figures:
        rows.append(
            [
                figure.key,
                figure.what,
                f"{_number(figure.value)} {figure.unit}".strip(),
                _bar(figure),
                _judged(figure),
                *(_beside(figure, name) for name in others),
            ]
        )
    widths = [max(len(row[column]) for row in rows if row) for column in range(len(rows[0]))]
    rows[1] = ["-" * width for width in widths]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    )


def save(figures: Sequence[Figure], problems: Sequence[str], about: dict[str, Any]) -> Path:
    """Write everything into a new file of benchmarks/results/."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / time.strftime("%Y-%m-%d-%H%M%S.json")
    content = {**about, "problems": list(problems), "figures": figures}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content)))
    return path


def crowded(figures: Sequence[Figure]) -> float:
    """The largest share of the gateway's core that other processes took during a figure."""
    return max((figure.taken for figure in figures), default=0.0)


def _beside(figure: Figure, name: str) -> str:
    """Another target's value, and how many times that the gateway's own is."""
    value = figure.beside.get(name)
    if value is None:
        return ""
    return _number(value) + (f" (x{figure.value / value:.1f})" if value > 0 and name != DIRECT else "")


def _bar(figure: Figure) -> str:
    if figure.bar is None:
        return ""
    return f"{'at least ' if figure.at_least else ''}{figure.bar:g} {figure.unit}".strip()


def _judged(figure: Figure) -> str:
    """Against its bar; a star says that others took much of the core meanwhile."""
    judged = ""
    if figure.bar is not None and figure.at_least:
        judged = "ok" if figure.value >= figure.bar else "UNDER"
    elif figure.bar is not None:
        judged = "ok" if figure.value <= figure.bar else "OVER"
    return judged + ("*" if figure.taken > CROWDED else "")


def _number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"

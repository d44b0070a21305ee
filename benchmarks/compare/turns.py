"""The turns that the gateway and its peers take, and the tables of what came of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from statistics import median

import msgspec

from benchmarks.answers import Shape
from benchmarks.load import Result
from benchmarks.rig import TAIL, Rig, Traffic
from benchmarks.targets import Target
from benchmarks.workloads import WORKLOADS, Workload

_PACED = Shape(gap=100)
"""20 chunks, 100 ms apart: what a model's answer is like."""
_STREAMS = (1, 10, 50, 100, 500)
"""How many paced streams there are at once where the first token is timed."""
PACED = tuple(
    Workload(
        f"{streams} paced",
        f"CPU per lone chunk, {streams} streams at once",
        Traffic(_PACED, connections=streams, seconds=20),
        by_chunk=True,
        bar=0,
    )
    for streams in (1, 10)
)
PARTS = (*(workload.key for workload in (*WORKLOADS, *PACED)), "streams")


def tables(rig: Rig, targets: Sequence[Target], rounds: int, only: Sequence[str]) -> Iterator[Iterator[str]]:
    """Yields each table as its lines, which come as they are measured; the first of `targets` is the gateway."""
    for target in targets:
        rig.drive(target, Traffic(Shape(), connections=4, seconds=2))
    chosen = [workload for workload in (*WORKLOADS, *PACED) if workload.key in only]
    if chosen:
        yield _ratios(rig, targets, rounds, chosen)
    if "streams" in only:
        yield _streams(rig, targets)


def _ratios(rig: Rig, targets: Sequence[Target], rounds: int, workloads: Sequence[Workload]) -> Iterator[str]:
    """The gateway's CPU for each that a peer takes: the median of the rounds, and their range."""
    yield from _head("CPU", "gateway", *(f"beside {target.name}" for target in targets[1:]))
    for workload in workloads:
        turns = [[workload.cost(rig.drive(target, workload.traffic)) for target in targets] for _ in range(rounds)]
        cells = [f"{workload.key}: {workload.what}", f"{median(turn[0] for turn in turns):.3g} {workload.unit}"]
        for at in range(1, len(targets)):
            ratios = sorted(turn[0] / turn[at] for turn in turns if turn[at])
            cells.append(f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})" if ratios else "too little")
        yield _row(*cells)


def _streams(rig: Rig, targets: Sequence[Target]) -> Iterator[str]:
    """What is added to the first token with more and more paced streams at once; of the most of them errors, how late
    a chunk is, and memory."""
    yield from _head("paced streams at once", *(target.name for target in targets))
    for streams in _STREAMS:
        traffic = Traffic(_PACED, connections=streams, seconds=8, ramp=2 if streams > 1 else 0)
        direct = rig.drive(rig.direct, traffic).result.first
        idle = [target.child.resident_bytes() for target in targets]
        turns = [_turn(rig, target, traffic) for target in targets]
        added = [(turn.result.first.p50 - direct.p50, turn.result.first.p99 - direct.p99) for turn in turns]
        yield _row(
            f"{streams}: ms added to the first token, p50 / p99", *(f"{p50:.1f} / {p99:.1f}" for p50, p99 in added)
        )
    yield _row("... errors", *(str(sum(turn.result.errors.values())) for turn in turns))
    lags = [turn.result.lag for turn in turns]
    yield _row("... a chunk's way through, ms, p50 / p99", *(f"{lag.p50:.1f} / {lag.p99:.1f}" for lag in lags))
    memory = [(turn.held - before) / streams / 1024 for turn, before in zip(turns, idle, strict=True)]
    yield _row("... KB of memory a stream", *(f"{one:.0f}" for one in memory))


class _Turn(msgspec.Struct, frozen=True):
    """A target's turn with paced streams; `held` is its memory while all of them were open."""

    result: Result
    held: int


def _turn(rig: Rig, target: Target, traffic: Traffic) -> _Turn:
    rig.begin(target, traffic)
    time.sleep(traffic.ramp + 2)
    held = target.child.resident_bytes()
    turn = _Turn(rig.finish(target), held)
    time.sleep(TAIL)
    return turn


def _head(*cells: str) -> Iterator[str]:
    yield _row(*cells)
    yield _row(*("---" for _ in cells))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"

"""What is measured: CPU per request and per chunk, time added to the first token, many streams at once, memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median

import msgspec

from benchmarks.answers import Shape
from benchmarks.rig import Cost, Rig, Traffic
from benchmarks.targets import Site, Target

DIRECT = "direct"
"""The mock itself, without anything between: its own delay, which is taken off the others'."""


class Figure(msgspec.Struct):
    """One line of the report. `bar` is the most it may be, or the least; `rounds` are what `value` is the median of.

    `beside` holds the same figure of other targets; `taken` is the share of its core that others took meanwhile.
    """

    key: str
    what: str
    value: float
    unit: str
    bar: float | None = None
    rounds: list[float] = []
    beside: dict[str, float] = {}
    taken: float = 0.0
    at_least: bool = False


class Workload(msgspec.Struct, frozen=True):
    """Traffic whose CPU is counted, by answer (in ms) or by chunk (in µs)."""

    key: str
    what: str
    traffic: Traffic
    by_chunk: bool
    bar: float
    rounds: int = 3

    @property
    def unit(self) -> str:
        """The unit of `cost`."""
        return "µs" if self.by_chunk else "ms"

    def cost(self, run: Cost) -> float:
        """CPU per answer or chunk of one run."""
        if self.by_chunk:
            return run.cpu_s * 1e6 / max(1, run.result.chunks)
        return run.cpu_s * 1e3 / max(1, run.result.ok)


WORKLOADS = (
    Workload(
        "W1",
        "CPU per short JSON answer, 32 connections",
        Traffic(Shape(chunks=1), stream=False, connections=32, seconds=2),
        by_chunk=False,
        bar=1.4,
    ),
    Workload(
        "W2",
        "CPU per stream of 20 chunks, 32 connections",
        Traffic(Shape(), connections=32, seconds=3),
        by_chunk=False,
        bar=1.7,
    ),
    Workload(
        "W3",
        "CPU per chunk of a 2,000-chunk burst, 8 connections",
        Traffic(Shape(chunks=2_000, together=0), connections=8, seconds=2.5),
        by_chunk=True,
        bar=15,
    ),
    Workload(
        "W4",
        "CPU per lone chunk, 100 streams of 20 chunks 100 ms apart",
        Traffic(Shape(gap=100), connections=100, seconds=4, ramp=2),
        by_chunk=True,
        bar=260,
    ),
    Workload(
        "W5",
        "CPU per 200 KB request, 20 chunks back, 8 connections",
        Traffic(Shape(), large=True, connections=8, seconds=2.5),
        by_chunk=False,
        bar=3.5,
    ),
)


def parts(rig: Rig, quick: bool) -> dict[str, Callable[[Target], list[Figure]]]:
    """Everything that is measured in a running target, by the name of its part."""
    return {
        **{workload.key: partial(cpu, rig, workload=workload, quick=quick) for workload in WORKLOADS},
        "TTFT": partial(first_token, rig, quick=quick),
        "500": partial(many_streams, rig, quick=quick),
    }


def cpu(rig: Rig, target: Target, workload: Workload, quick: bool) -> list[Figure]:
    """The median cost over some rounds, after a warm-up."""
    traffic = workload.traffic
    if quick:
        traffic = msgspec.structs.replace(traffic, seconds=1.0, ramp=min(traffic.ramp, 0.5))
    rig.drive(target, msgspec.structs.replace(traffic, seconds=0.5, ramp=0.0))
    runs = [rig.drive(target, traffic) for _ in range(1 if quick else workload.rounds)]
    rounds = [workload.cost(run) for run in runs]
    taken = max(run.taken for run in runs)
    return [Figure(workload.key, workload.what, median(rounds), workload.unit, workload.bar, rounds, taken=taken)]


def first_token(rig: Rig, target: Target, quick: bool) -> list[Figure]:
    """Time to the first token through the target, less the same without it, one connection; p50 and p99.

    At an upstream that answers at once, and at one that thinks for 30 ms first, as every real one does and longer: by
    then the processor has gone to sleep.
    """
    figures = []
    for wait, requests in ((0, 300 if quick else 1_000), (30, 40 if quick else 150)):
        traffic = Traffic(Shape(first=wait), seconds=30, requests=requests)
        rig.drive(target, msgspec.structs.replace(traffic, requests=20))
        straight, through = (rig.drive(who, traffic) for who in (rig.direct, target))
        when = "at once" if not wait else f"after {wait} ms"
        for percentile in ("p50", "p99"):
            ours, mocks = (getattr(run.result.first, percentile) for run in (through, straight))
            figures.append(
                Figure(
                    f"TTFT{wait or ''} {percentile}",
                    f"added to the first token, upstream answers {when} ({percentile})",
                    ours - mocks,
                    "ms",
                    beside={DIRECT: mocks},
                    taken=through.taken,
                )
            )
    return figures


def many_streams(rig: Rig, target: Target, quick: bool) -> list[Figure]:
    """500 paced streams at once."""
    traffic = Traffic(Shape(gap=100), connections=500, seconds=3 if quick else 8, ramp=1 if quick else 2)
    run = rig.drive(target, traffic)
    result = run.result
    figures = [
        Figure("500", "500 streams of 20 chunks 100 ms apart: errors", sum(result.errors.values()), "", 0),
        Figure("500 lag p50", "... a chunk's way through (p50)", result.lag.p50, "ms"),
        Figure("500 lag p99", "... a chunk's way through (p99)", result.lag.p99, "ms", 150),
        Figure("500 CPU", "... CPU per chunk", run.cpu_s * 1e6 / max(1, result.chunks), "µs"),
        Figure("500 core", "... share of one core", run.cpu_s / result.elapsed_s, ""),
    ]
    for figure in figures:
        figure.taken = run.taken
    return figures


def memory(rig: Rig, start: Callable[[], Target], quick: bool) -> list[Figure]:
    """Memory of an open, silent stream: what 500 of them add to a process that has served only a few requests.

    Each is measured in a fresh process, because memory that was once used is kept by it.
    """
    figures = []
    for key, what, large in (("MEM", "short", False), ("MEM5", "200 KB", True)):
        target = start()
        try:
            figures.append(_memory(rig, target, key, what, large, quick))
        finally:
            target.stop()
    return figures


def _memory(rig: Rig, target: Target, key: str, what: str, large: bool, quick: bool) -> Figure:
    streams, ramp = 500, 3.0 if large else 2.0
    shape = Shape(chunks=2, gap=int((ramp + (1.5 if quick else 3.0)) * 1000))
    warm = Traffic(Shape(chunks=2), large=large, seconds=10, requests=50)
    rig.drive(target, warm)
    before = target.child.resident_bytes()
    rig.begin(target, Traffic(shape, large=large, connections=streams, requests=streams, seconds=30, ramp=ramp))
    deadline = time.monotonic() + ramp + 5
    while rig.upstream().active < streams and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.5)
    held, active = target.child.resident_bytes() - before, rig.upstream().active
    rig.finish(target)
    if active < streams:
        rig.problems.append(f"{target.name}: only {active} of {streams} streams were open at once ({what} requests)")
    return Figure(key, f"memory of an open stream after a {what} request", held / streams / 1024, "KB", 60)


def rows(rig: Rig, site: Site, served: Sequence[Target]) -> Figure:
    """Usage rows in the database against requests sent, once every gateway has stopped."""
    sent, found = sum(target.sent for target in served), site.rows()
    if not found.requests == found.completed == found.attempts == sent:
        rig.problems.append(
            f"{sent} requests were sent, and the database holds {found.requests} usage rows, {found.completed} of them "
            f"completed, and {found.attempts} attempts"
        )
    return Figure("ROWS", f"usage rows missing, of {sent} requests sent", sent - found.requests, "", 0)

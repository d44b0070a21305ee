"""The bench itself: the mock, the load generator, and what a target's process used while it answered."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

import msgspec

from benchmarks import bodies
from benchmarks.answers import Shape
from benchmarks.children import Child, Cores
from benchmarks.load import Load, Result
from benchmarks.mock import Stats
from benchmarks.targets import Target, get

TAIL = 1.5
"""Seconds after the last answer that still belong to a run: usage rows are written up to USAGE_LINGER later."""


class Traffic(msgspec.Struct, frozen=True):
    """What is sent and what comes back. `large` sends a coding agent's 200 KB instead of one line."""

    shape: Shape
    stream: bool = True
    large: bool = False
    connections: int = 1
    seconds: float = 1.0
    requests: int = 0
    ramp: float = 0.0


class Cost(msgspec.Struct, frozen=True):
    """A run's result, the CPU seconds of the target's processes over it, and the share of the gateway's core that
    other processes took meanwhile."""

    result: Result
    cpu_s: float
    taken: float


class Rig:
    """Mock and load generator on the rig's core. `problems` collects whatever went wrong, in words."""

    def __init__(self, cores: Cores, folder: Path) -> None:
        self.problems: list[str] = []
        self.busiest: dict[str, float] = {}
        """By target: the largest share of its own core that the rig used."""
        self._cores = cores
        self._mock = Child.module("mock", log=folder / "mock.log")
        self.mock_port = int(self._mock.answer())
        self._load = Child.module("load", log=folder / "load.log")
        self.direct = Target("direct", self._mock, self.mock_port)

    def drive(self, target: Target, traffic: Traffic) -> Cost:
        """One run to its end, the writing of usage rows included."""
        began, core_busy = time.monotonic(), self._cores.gateway_seconds()
        cpu, rig_cpu = target.child.cpu_seconds(), self._mock.cpu_seconds()
        self.begin(target, traffic)
        result = self.finish(target)
        time.sleep(TAIL)
        used = target.child.cpu_seconds() - cpu
        if result.elapsed_s > 0.5:
            rig_used = result.cpu_s + self._mock.cpu_seconds() - rig_cpu
            self.busiest[target.name] = max(self.busiest.get(target.name, 0.0), rig_used / result.elapsed_s)
        busy = self._cores.gateway_seconds() - core_busy
        taken = busy - (0 if target is self.direct else used)
        return Cost(result, used, max(0.0, taken) / (time.monotonic() - began))

    def begin(self, target: Target, traffic: Traffic) -> None:
        """Start a run; `finish` gives its result."""
        write = bodies.coding_agent if traffic.large else bodies.short
        load = Load(
            port=target.port,
            body=write(target.model, traffic.shape.marker, stream=traffic.stream).decode(),
            expect=traffic.shape.chunks,
            headers=target.headers,
            stream=traffic.stream,
            connections=traffic.connections,
            seconds=traffic.seconds,
            requests=traffic.requests,
            ramp=traffic.ramp,
        )
        self._load.ask(msgspec.json.encode(load))

    def finish(self, target: Target) -> Result:
        """The result of the run that `begin` started."""
        result = msgspec.json.decode(self._load.answer(), type=Result)
        target.sent += result.sent
        if result.errors:
            kinds = ", ".join(f"{number} x {kind}" for kind, number in result.errors.items())
            self.problems.append(f"{target.name}: {kinds} of {result.sent} answers; first: {result.first_error}")
        elif not result.ok:
            self.problems.append(f"{target.name}: no answer at all came")
        return result

    def upstream(self) -> Stats:
        """What the mock has seen."""
        return msgspec.json.decode(get(self.mock_port, "/stats")[1], type=Stats)

    def close(self) -> None:
        """End both processes."""
        self._load.stop()
        self._mock.stop()


def machine() -> dict[str, object]:
    """What the figures were measured on, as far as the machine tells."""
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    return {
        "cpu": model.partition(":")[2].strip(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "load_average": os.getloadavg()[0],
    }

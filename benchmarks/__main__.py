"""`python -m benchmarks`: run the gateway against a mock upstream, measure the README's claims, print them beside bars.

Everything is on loopback and in a temporary folder; only benchmarks/results/ is written. Exit status 1 means that an
answer was wrong, not that a figure was.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import tempfile
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from contextlib import ExitStack
from pathlib import Path

import msgspec

from benchmarks import report, targets, workloads
from benchmarks.children import Child, Cores, DidNotRun
from benchmarks.parts import locked, usage
from benchmarks.rig import Rig, machine
from benchmarks.site import ROUTES
from benchmarks.targets import Site, Target
from benchmarks.workloads import Figure
from tests.harness.postgresql import PostgreSQLMissing

PARTS = (*(workload.key for workload in workloads.WORKLOADS), "TTFT", "500", "MEM", "CHAOS", "MICRO", "USAGE")


def main() -> int:
    """Measure what the command line asks for; returns the exit status."""
    options = _options()
    if not hasattr(os, "sched_setaffinity"):
        sys.exit("The benchmarks pin processes to cores and read /proc: they need Linux.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that whatever was started is stopped
    began, about = time.monotonic(), machine()
    cores = Cores()
    if not cores.separate:
        print("There is one core only: the rig takes time from the gateway, so rates and delays mean little here.")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="proxysite-benchmarks-")))
        rig = Rig(cores, folder)
        stack.callback(rig.close)
        figures = []
        if set(options.only) - {"CHAOS", "MICRO", "USAGE"}:
            figures += _whole(options, cores, rig, folder, stack)
        if "CHAOS" in options.only:
            print("CHAOS ...", end=" ", flush=True)
            figures += locked.measure(cores, rig, folder, options.quick)
        if "MICRO" in options.only:
            figures += _parts(cores, folder)
        if "USAGE" in options.only:
            print("USAGE ...", end=" ", flush=True)
            figures += usage.measure(cores, folder)
    about |= {
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        "seconds": round(time.monotonic() - began),
        "rig_core_busy": rig.busiest,
    }
    print(f"\n{report.table(figures)}\n")
    if rig.busiest.get("gateway", 0.0) > 0.9:
        print("The rig's own core was busy all the time: rates and delays are its limit, CPU figures are not.")
    crowded = report.crowded(figures)
    if crowded > report.CROWDED:
        print(f"* Other processes took up to {crowded:.0%} of the gateway's core: the delays are partly theirs.")
    for problem in rig.problems:
        print(f"WRONG: {problem}")
    print(f"{about['seconds']} s; {report.save(figures, rig.problems, about)}")
    return 1 if rig.problems else 0


def _whole(options: Namespace, cores: Cores, rig: Rig, folder: Path, stack: ExitStack) -> list[Figure]:
    """Every part that needs a running gateway, each beside the floor and the peer."""
    site = Site(cores, rig.mock_port, folder, options.dialect, postgresql=options.database == "postgresql")
    stack.callback(site.close)
    gateway = site.serve()
    stack.callback(gateway.stop)
    others = [] if options.quick else [targets.floor(cores, rig.mock_port, folder)]
    if options.peer:
        others.append(targets.peer(cores, options.peer, rig.mock_port, folder))
    for other in others:
        stack.callback(other.stop)

    figures: list[Figure] = []
    beside = workloads.parts(rig, quick=True)
    for key, measure in workloads.parts(rig, options.quick).items():
        if key in options.only:
            print(f"{key} ...", end=" ", flush=True)
            ours = measure(gateway)
            for other in others:
                for figure, theirs in zip(ours, beside[key](other), strict=True):
                    figure.beside[other.name] = theirs.value
            figures += ours
    gateway.stop()
    served = [gateway]

    def fresh() -> Target:
        served.append(site.serve())
        return served[-1]

    if "MEM" in options.only:
        print("MEM ...", end=" ", flush=True)
        figures += workloads.memory(rig, fresh, options.quick)
    return [*figures, workloads.rows(rig, site, served)]


def _parts(cores: Cores, folder: Path) -> list[Figure]:
    """The micro-benchmarks, on the gateway's core."""
    print("MICRO ...", end=" ", flush=True)
    with cores.on(cores.gateway):
        child = Child.module("parts.micro", log=folder / "micro.log")
    try:
        return msgspec.json.decode(child.answer(), type=list[Figure])
    finally:
        child.stop()


def _options() -> Namespace:
    parser = ArgumentParser(prog="python -m benchmarks", description="Measure the README's claims on this machine.")
    parser.add_argument(
        "--quick", action="store_true", help="one short round each and no floor beside: under a minute, less exact"
    )
    parser.add_argument(
        "--only", type=_chosen, default=PARTS, metavar="W1,W3", help=f"some of {','.join(PARTS)} (default: all)"
    )
    parser.add_argument(
        "--database", choices=("sqlite", "postgresql"), default="sqlite", help="where usage rows go (default sqlite)"
    )
    parser.add_argument(
        "--dialect", choices=tuple(ROUTES), default="openai_chat", help="what the mock upstream speaks to the gateway"
    )
    parser.add_argument(
        "--peer",
        metavar="NAME=COMMAND",
        help="another proxy to measure beside: a command with {port} for the port it shall listen on and {upstream} "
        "for the mock's URL; it is asked for the model 'mock' with the key 'benchmarks'",
    )
    return parser.parse_args()


def _chosen(text: str) -> tuple[str, ...]:
    chosen = tuple(part.strip().upper() for part in text.split(","))
    unknown = [part for part in chosen if part not in PARTS]
    if unknown:
        raise ArgumentTypeError(f"there is no {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return chosen


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (DidNotRun, PostgreSQLMissing) as failure:
        sys.exit(f"\n{failure}")

"""`make compare`: the gateway beside other proxies on the same work in one run, as ratios.

All of them run at once on one core and take turns at each workload, so that a machine whose speed drifts bends both
sides alike. The exit status is 1 when an answer of the gateway was wrong or a usage row is missing.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack
from pathlib import Path

from benchmarks.children import Cores, DidNotRun
from benchmarks.compare import turns
from benchmarks.compare.peers import PEERS, start
from benchmarks.rig import Rig, machine
from benchmarks.targets import Site, Target
from benchmarks.workloads import rows


def main() -> int:
    """Measure what the command line asks for; returns the exit status."""
    options = _options()
    if not hasattr(os, "sched_setaffinity"):
        sys.exit("The comparison pins processes to cores and reads /proc: it needs Linux.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that whatever was started is stopped
    print(", ".join(f"{name} {value}" for name, value in machine().items()), flush=True)
    cores = Cores()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="proxysite-compare-")))
        rig = Rig(cores, folder)
        stack.callback(rig.close)
        site = Site(cores, rig.mock_port, folder, "openai_chat", postgresql=False)
        stack.callback(site.close)
        gateway = site.serve()
        stack.callback(gateway.stop)
        targets = [gateway]
        for name in options.beside:
            peer: Target = start(name, cores, rig.mock_port, folder)
            stack.callback(peer.stop)
            targets.append(peer)
        for table in turns.tables(rig, targets, options.rounds, options.only):
            for line in table:
                print(line, flush=True)
            print(flush=True)
        gateway.stop()
        missing = rows(rig, site, [gateway]).value
    problems = [text for text in rig.problems if text.startswith("gateway") or missing]
    for text in rig.problems:
        print(f"WRONG: {text}")
    return 1 if problems else 0


def _options() -> Namespace:
    parser = ArgumentParser(prog="python -m benchmarks.compare", description="Measure the gateway beside its peers.")
    parser.add_argument("--beside", nargs="*", choices=tuple(PEERS), default=list(PEERS), help="which (default: all)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each at each workload (default 3)")
    parser.add_argument(
        "--only", nargs="*", choices=turns.PARTS, default=turns.PARTS, help="what is measured (default: everything)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DidNotRun as failure:
        sys.exit(f"\n{failure}")

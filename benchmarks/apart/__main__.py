"""`python -m benchmarks.apart`: the delays of 100 paced streams behind nginx, alone and beside readers of pages.

Once with pages apart and once inline. Home is asked twice a second, one export is read, one provider is tested. Exit
status 1 means that an answer was wrong, not that a figure was.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from shutil import which
from statistics import median

import msgspec

from benchmarks import report, workloads
from benchmarks.apart.fill import Filled
from benchmarks.apart.visitors import Seen, Visit
from benchmarks.children import Child, Cores, DidNotRun
from benchmarks.rig import Cost, Rig, Traffic, machine
from benchmarks.targets import Site, Target, free_port, get
from benchmarks.workloads import Figure
from tests.harness.http import nginx_files
from tests.harness.postgresql import PostgreSQLMissing

W4 = next(workload.traffic for workload in workloads.WORKLOADS if workload.key == "W4")
HOME = "/admin/"
LAG_BAR = 100
"""ms that a chunk may be late at most beside pages (p99), and below how much more than without them."""
MORE_BAR = 20


class Round(msgspec.Struct, frozen=True):
    """The streams alone and beside pages, and what was seen of these."""

    alone: Cost
    beside: Cost
    seen: Seen

    @property
    def more(self) -> float:
        """How many ms later chunks were beside pages (p99)."""
        return self.beside.result.lag.p99 - self.alone.result.lag.p99


def main() -> int:
    """Measures both; returns the exit status."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that whatever was started is stopped
    about, cores = machine(), Cores()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="proxysite-benchmarks-")))
        rig = Rig(cores, folder)
        stack.callback(rig.close)
        site = Site(cores, rig.mock_port, folder, "openai_chat", postgresql=options.database == "postgresql")
        stack.callback(site.close)
        print(f"{options.rows:,} usage rows ...", flush=True)
        filled = msgspec.json.decode(site.run("apart.fill", str(options.rows)), type=Filled)
        visitors = Child.module("apart.visitors", log=folder / "visitors.log")
        stack.callback(visitors.stop)
        figures: list[Figure] = []
        for pages in ("apart", "inline"):
            print(f"pages {pages} ...", flush=True)
            figures += _measured(pages, options, cores, rig, site, visitors, filled, folder)
    about |= {"command": shlex.join(["python", "-m", "benchmarks.apart", *sys.argv[1:]]), "rig_core_busy": rig.busiest}
    about["load_average_at_the_end"] = os.getloadavg()[0]
    print(f"\n{report.table(figures)}\n")
    crowded = report.crowded(figures)
    print(f"Load average {about['load_average']:.1f} before, {about['load_average_at_the_end']:.1f} after; ", end="")
    print(f"others took up to {crowded:.0%} of the gateway's core. {report.save(figures, rig.problems, about)}")
    for problem in rig.problems:
        print(f"WRONG: {problem}")
    return 1 if rig.problems else 0


def _measured(
    pages: str, options: Namespace, cores: Cores, rig: Rig, site: Site, visitors: Child, filled: Filled, folder: Path
) -> list[Figure]:
    """The figures with pages there."""
    port, front = free_port(), free_port()
    gateway = site.serve("--pages", pages, *(("--pages-port", str(port)) if pages == "apart" else ()))
    address = f"127.0.0.1:{gateway.port}"
    place = folder / f"nginx-{pages}"
    place.mkdir()
    arguments = nginx_files.write(place, front, [address], [f"127.0.0.1:{port}" if pages == "apart" else address])
    with cores.on(cores.gateway):
        nginx = Child([_nginx(), *arguments], log=place / "nginx.log", reads_output=False)
    try:
        # A page first: it makes what each process makes once.
        for path in ("/readyz", "/my/login/"):
            _until_it_answers(front, path, nginx)
        target = Target(pages, gateway.child, front, gateway.model)
        target.headers = gateway.headers
        rig.drive(target, msgspec.structs.replace(W4, seconds=1.0, ramp=0.0))
        traffic = msgspec.structs.replace(W4, seconds=options.seconds)
        visit = Visit(
            front, filled.cookie, HOME, options.export, filled.provider_test, "mock", options.seconds + traffic.ramp
        )
        rounds = [_round(rig, target, traffic, nginx, visitors, visit) for _ in range(options.rounds)]
    finally:
        nginx.stop()
        gateway.stop()
    for one in rounds:
        rig.problems += [f"{pages}: {problem}" for problem in one.seen.problems]
        if not one.seen.tested:
            rig.problems.append(f"{pages}: the provider's test did not work")
    return _figures(pages, rounds)


def _round(rig: Rig, target: Target, traffic: Traffic, nginx: Child, visitors: Child, visit: Visit) -> Round:
    """The streams alone, then beside pages."""
    alone = _driven(rig, target, traffic, nginx)
    visitors.ask(msgspec.json.encode(visit))
    beside = _driven(rig, target, traffic, nginx)
    return Round(alone, beside, msgspec.json.decode(visitors.answer(), type=Seen))


def _figures(pages: str, rounds: Sequence[Round]) -> list[Figure]:
    """The median of each figure over the rounds."""
    bar, more = (LAG_BAR, MORE_BAR) if pages == "apart" else (None, None)
    homes = [median(one.seen.home_ms or [0.0]) for one in rounds]
    asked = sum(len(one.seen.home_ms) for one in rounds)
    ended = sum(one.seen.export_ended for one in rounds)
    found: list[tuple[str, str, list[float], str, float | None]] = [
        ("alone", "p99 delay of a chunk, 100 streams alone", [one.alone.result.lag.p99 for one in rounds], "ms", None),
        ("p99", "... beside pages (p99)", [one.beside.result.lag.p99 for one in rounds], "ms", bar),
        ("more", "... more than alone", [one.more for one in rounds], "ms", more),
        ("p50", "... beside pages (p50)", [one.beside.result.lag.p50 for one in rounds], "ms", None),
        ("max", "... beside pages (the longest)", [one.beside.result.lag.max for one in rounds], "ms", None),
        ("home", f"home meanwhile, asked {asked} times", homes, "ms", None),
        (
            "export",
            f"lines of an export read meanwhile; {ended} of {len(rounds)} came to the end",
            [float(one.seen.export_lines) for one in rounds],
            "",
            None,
        ),
    ]
    taken = max(cost.taken for one in rounds for cost in (one.alone, one.beside))
    return [
        Figure(f"{pages} {key}", what, median(values), unit, limit, values, taken=taken)
        for key, what, values, unit, limit in found
    ]


def _driven(rig: Rig, target: Target, traffic: Traffic, nginx: Child) -> Cost:
    """One run. What nginx takes of the gateway's core is not what others take."""
    before = nginx.cpu_seconds()
    cost = rig.drive(target, traffic)
    share = (nginx.cpu_seconds() - before) / cost.result.elapsed_s
    return msgspec.structs.replace(cost, taken=max(0.0, cost.taken - share))


def _until_it_answers(port: int, path: str, nginx: Child) -> None:
    """Raises DidNotRun where it does not for a minute."""
    deadline = time.monotonic() + 60
    while get(port, path)[0] != 200:
        if nginx.ended is not None or time.monotonic() > deadline:
            raise DidNotRun(f"nginx does not answer {path}:\n{nginx.log_tail()}")
        time.sleep(0.1)


def _nginx() -> str:
    found = which("nginx") or which("nginx", path="/usr/sbin:/usr/local/sbin:/sbin")
    if found is None:
        raise DidNotRun("This measures behind nginx, which is missing. Debian and Ubuntu: `apt install nginx-light`.")
    return found


def _options() -> Namespace:
    parser = ArgumentParser(prog="python -m benchmarks.apart", description="Measure what pages cost streams.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="usage rows that there are (default 1,000,000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each, alone and beside pages (default 3)")
    parser.add_argument("--seconds", type=float, default=12.0, help="how long each run of a round is (default 12)")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite", help="(default sqlite)")
    parser.add_argument(
        "--export", default="/admin/usage/requestlog/export/?range=30d", metavar="PATH", help="the export that is read"
    )
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (DidNotRun, PostgreSQLMissing) as failure:
        sys.exit(f"\n{failure}")

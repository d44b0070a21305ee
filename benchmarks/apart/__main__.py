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
from contextlib import ExitStack
from pathlib import Path
from shutil import which

import msgspec

from benchmarks import report, workloads
from benchmarks.apart.fill import Filled
from benchmarks.apart.visitors import Seen, Visit
from benchmarks.children import Child, Cores, DidNotRun
from benchmarks.load import Result
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
        traffic = msgspec.structs.replace(W4, seconds=options.seconds)
        rig.drive(target, msgspec.structs.replace(W4, seconds=1.0, ramp=0.0))
        alone = _driven(rig, target, traffic, nginx)
        visit = Visit(
            front, filled.cookie, HOME, options.export, filled.provider_test, "mock", options.seconds + traffic.ramp
        )
        visitors.ask(msgspec.json.encode(visit))
        beside = _driven(rig, target, traffic, nginx)
        seen = msgspec.json.decode(visitors.answer(), type=Seen)
    finally:
        nginx.stop()
        gateway.stop()
    rig.problems += [f"{pages}: {problem}" for problem in seen.problems]
    if not seen.tested:
        rig.problems.append(f"{pages}: the provider's test did not work")
    found = _figures(pages, alone.result, beside.result, seen)
    for figure in found:
        figure.taken = max(alone.taken, beside.taken)
    return found


def _driven(rig: Rig, target: Target, traffic: Traffic, nginx: Child) -> Cost:
    """One run. What nginx takes of the gateway's core is not what others take."""
    before = nginx.cpu_seconds()
    cost = rig.drive(target, traffic)
    share = (nginx.cpu_seconds() - before) / cost.result.elapsed_s
    return msgspec.structs.replace(cost, taken=max(0.0, cost.taken - share))


def _figures(pages: str, alone: Result, beside: Result, seen: Seen) -> list[Figure]:
    is_apart = pages == "apart"
    how_far = "all of it" if seen.export_ended else "not to its end"
    home = sorted(seen.home_ms) or [0.0]
    return [
        Figure(f"{pages} alone", "p99 delay of a chunk, 100 streams alone", alone.lag.p99, "ms"),
        Figure(pages, "... beside pages (p99)", beside.lag.p99, "ms", LAG_BAR if is_apart else None),
        Figure(
            f"{pages} more", "... more than alone", beside.lag.p99 - alone.lag.p99, "ms", MORE_BAR if is_apart else None
        ),
        Figure(f"{pages} p50", "... beside pages (p50)", beside.lag.p50, "ms"),
        Figure(f"{pages} max", "... beside pages (the longest)", beside.lag.max, "ms"),
        Figure(f"{pages} home", f"home, asked {len(home)} times meanwhile (median)", home[len(home) // 2], "ms"),
        Figure(f"{pages} export", f"lines of the export that were read meanwhile, {how_far}", seen.export_lines, ""),
    ]


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
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each of the four runs is (default 30)")
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

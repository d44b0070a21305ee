"""`python -m benchmarks.count`: count every column, print them beside what is recorded, record them if asked to."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from benchmarks.children import DidNotRun
from benchmarks.count import figures, limits
from benchmarks.count.columns import count_app, count_whole
from benchmarks.count.figures import Column, Figures
from benchmarks.count.mock import Wrong


def main() -> int:
    """Returns 1 when a figure is more than is allowed: the application's on the recorded build alone."""
    parser = ArgumentParser(prog="python -m benchmarks.count", description="Count the gateway's instructions.")
    parser.add_argument("--app", action="store_true", help="the application alone, without the whole server")
    parser.add_argument("--record", action="store_true", help="keep the figures as those to compare with")
    parser.add_argument("--file", type=Path, default=figures.RECORDED, help="where figures are kept")
    options = parser.parse_args()
    recorded = figures.read(options.file) if options.file.exists() else None
    whole = {} if options.app else {**count_whole(), figures.OVER_TLS: count_whole(tls=True)["W2"]}
    counted = Figures(figures.this_build(), figures.packages(), count_app(), whole, limits.count())
    print(f"{counted.build}\n")
    print(_table("App, instructions", counted.app, recorded.app if recorded else {}))
    print(_table("Limits, instructions", counted.limits, recorded.limits if recorded else {}))
    for key, column in counted.whole.items():
        print(
            _table(f"Whole, {key}, instructions per request", column, recorded.whole.get(key, {}) if recorded else {})
        )
    if options.record:
        figures.write(counted, options.file)
        print(f"Recorded in {options.file}.")
        return 0
    exceeded = limits.exceeded(counted.limits) + figures.exceeded_by_tls(whole)
    if recorded is None:
        print("Nothing is recorded yet.")
    elif reason := figures.not_comparable(recorded, counted.build):
        print(f"NOT COMPARED: {reason}.")
    else:
        exceeded += figures.exceeded(recorded, counted.app)
    print("\n".join(f"TOO MUCH: {line}" for line in exceeded) or "Nothing takes more than is allowed.")
    return 1 if exceeded else 0


def _table(title: str, column: Column, recorded: Column) -> str:
    lines = [f"{title:56}{'counted':>14}{'recorded':>14}"]
    for what, count in column.items():
        before = recorded.get(what)
        beside = f"{before:>14,}{count / before - 1:>+9.1%}" if before else ""
        lines.append(f"  {what:54}{count:>14,}{beside}")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (DidNotRun, Wrong) as failure:
        sys.exit(f"\n{failure}")

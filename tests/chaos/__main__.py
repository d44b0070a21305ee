"""`python -m tests.chaos`: the chaos tests on both databases, from a seed, ending in exactly one verdict line."""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.chaos import tally

ROOT = Path(__file__).resolve().parent.parent.parent
DATABASES = ("sqlite", "postgresql")


def main() -> int:
    """Run, say the verdict; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="the same run again (default: a new one)"
    )
    parser.add_argument("--long", action="store_true", help="longer outages, more rounds, more requests")
    options = parser.parse_args()
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        counted = Path(folder) / "tally"
        for database in DATABASES:
            print(f"chaos: {database}, seed {options.seed}", flush=True)
            settings = {
                "TEST_DATABASE": database,
                "CHAOS_SEED": str(options.seed),
                "CHAOS_LONG": "1" if options.long else "",
                "CHAOS_TALLY": str(counted),
            }
            order = f"--randomly-seed={options.seed}"
            command = [sys.executable, "-m", "pytest", "-v", "-m", "chaos", order, "tests/chaos"]
            if subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}).returncode:
                failed.append(database)
        requests, attempts = tally.total(counted)
    figures = f"seed={options.seed} requests={requests} attempts={attempts}"
    print(f"chaos: FAILED on {' and '.join(failed)}, {figures}" if failed else f"chaos: OK {figures}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

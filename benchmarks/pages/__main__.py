"""Asks for each page many times in one process, without a server, and prints a table.

    DATA_DIR=/tmp/pages .venv/bin/python manage.py generate_usage --rows 1000000 --months 12
    DATA_DIR=/tmp/pages .venv/bin/python -m benchmarks.pages --runs 50
    DATA_DIR=/tmp/pages .venv/bin/python -m benchmarks.pages --export 365

`--export` reads the file of the requests of so many days, and says how the memory of the process grew.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from pathlib import Path
from typing import Any

_PAGE = os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Measures what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50, help="how often each page is asked for (default 50)")
    parser.add_argument("--only", default="", help="pages whose name has this in it")
    parser.add_argument("--export", type=int, metavar="DAYS", help="measure the file of so many days instead")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxysite.settings")
    import django

    django.setup()
    from django.test.utils import setup_test_environment

    setup_test_environment()
    browser = _signed_in()
    if options.export:
        _export(browser, options.export)
    else:
        _measure(browser, options.runs, options.only)


def _signed_in() -> Any:
    from django.contrib.auth.models import User
    from django.test import Client

    reader, _ = User.objects.get_or_create(username="benchmark", is_superuser=True, is_staff=True)
    browser = Client()
    browser.force_login(reader)
    return browser


def _measure(browser: Any, runs: int, only: str) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from benchmarks.pages import addresses

    print("| page | first | p50 | p95 | CPU | queries | KB |")
    print("|---|---|---|---|---|---|---|")
    for name, url in addresses.lists(browser):
        if only not in name:
            continue
        with CaptureQueriesContext(connection) as queries:
            first, _ = _timed(browser, url)
            # Each request empties the log.
            asked = len(queries)
        timed = [_timed(browser, url) for _ in range(runs)]
        walls, used = sorted(wall for wall, _ in timed), sorted(cpu for _, cpu in timed)
        size = len(browser.get(url).content) / 1024
        p95 = walls[math.ceil(0.95 * runs) - 1]
        print(
            f"| {name} | {first:.0f} ms | {walls[runs // 2]:.0f} ms | {p95:.0f} ms | {used[runs // 2]:.0f} ms "
            f"| {asked} | {size:.0f} |",
            flush=True,
        )


def _timed(browser: Any, url: str) -> tuple[float, float]:
    """Returns milliseconds of the clock and of the processor."""
    began, used = time.perf_counter(), time.process_time()
    response = browser.get(url)
    taken = (time.perf_counter() - began) * 1000, (time.process_time() - used) * 1000
    if response.status_code != 200:
        raise SystemExit(f"{url} answers {response.status_code}")
    return taken


def _export(browser: Any, days: int) -> None:
    from django.urls import reverse

    from usage.reports.query import last_days

    period = last_days(days)
    url = f"{reverse('admin:usage_requestlog_export')}?from={period.first}&to={period.last}"
    # What the first blocks load stays.
    blocks = iter(browser.get(url).streaming_content)
    for _ in zip(range(10), blocks, strict=False):
        pass
    before, highest, lines, size, began = _resident(), 0.0, 0, 0, time.perf_counter()
    for block in browser.get(url).streaming_content:
        lines, size, highest = lines + block.count(b"\n"), size + len(block), max(highest, _resident())
    print(
        f"{lines - 1:,} rows, {size / 2**20:.0f} MB, {time.perf_counter() - began:.0f} s; resident {before:.1f} MB "
        f"before, {highest:.1f} MB at most"
    )


def _resident() -> float:
    """Returns the resident memory of this process in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / 2**20


if __name__ == "__main__":
    main()

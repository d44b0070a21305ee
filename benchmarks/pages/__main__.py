"""`python -m benchmarks.pages --rows 1000000`: how long each page takes over a year of sample rows.

The rows are made once and kept in a folder. The exit status is 1 when a page did not answer with 200.
"""

from __future__ import annotations

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack
from pathlib import Path

import django

from benchmarks.children import ROOT
from benchmarks.pages import export, measure
from benchmarks.targets import environment
from tests.harness.postgresql import PostgreSQL, PostgreSQLMissing

_DJANGO = {"DJANGO_SETTINGS_MODULE": "proxysite.settings", "ALLOWED_HOSTS": measure.HOST}
_OLD_SECONDS = 12 * 3600


def main() -> int:
    """Makes the rows unless they are there, and measures; returns the exit status."""
    options = _options()
    folder = options.folder.resolve() / f"{options.database}-{options.rows}"
    with ExitStack() as stack:
        if options.database == "postgresql":
            folder.parent.mkdir(parents=True, exist_ok=True)
            server = PostgreSQL(folder)
            server.open()
            stack.callback(server.stop)
            url = server.url("postgres")
        else:
            folder.mkdir(parents=True, exist_ok=True)
            url = f"sqlite:///{folder}/gateway.sqlite3"
        os.environ |= environment(folder, url) | _DJANGO
        django.setup()
        _make(options.rows, folder / "made")
        visitor, is_wrong = measure.browser(), False
        if options.export:
            print(export.export(visitor, options.export))
            return 0
        for line in measure.table(measure.measure(visitor, options.runs, options.only), options.rows):
            print(line, flush=True)
            is_wrong |= "WRONG" in line
    return int(is_wrong)


def _make(rows: int, mark: Path) -> None:
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    if mark.exists():
        if time.time() - mark.stat().st_mtime > _OLD_SECONDS:
            print(f"The rows are old, so short ranges have few: remove {mark.parent} for new ones.", file=sys.stderr)
        return
    call_command("generate_usage", rows=rows, months=12, stdout=sys.stderr)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # As autovacuum does within a minute or so.
            cursor.execute("VACUUM ANALYZE")
    mark.touch()


def _options() -> Namespace:
    parser = ArgumentParser(prog="python -m benchmarks.pages", description="Measure pages over sample rows.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="requests of twelve months (default 1,000,000)")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--folder", type=Path, default=ROOT / "benchmarks" / "results" / "pages", help="keeps the rows")
    parser.add_argument("--runs", type=int, default=50, help="warm loads of each page (default 50)")
    parser.add_argument("--only", default="", help="pages whose title has this text")
    parser.add_argument("--export", type=int, metavar="DAYS", help="read the file of so many days instead")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PostgreSQLMissing as missing:
        sys.exit(str(missing))

"""`./gateway run_jobs`: runs the jobs that wait, until none does. Pages start it by themselves."""

from __future__ import annotations

import os
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from proxysite.state.jobs import runner


class Command(BaseCommand):
    """One at a time in the whole gateway: it ends at once where another process runs one."""

    help = "Run the jobs that wait (Site, Jobs), until none does."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """--while-input, for the gateway."""
        parser.add_argument(
            "--while-input", action="store_true", help="end the job when the standard input ends, as the gateway does"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs them with a lower priority than the gateway's."""
        os.nice(10)
        ended = threading.Event()
        if options["while_input"]:
            threading.Thread(target=_watch, args=(ended,), daemon=True).start()
        count = runner.run_all(ended)
        self.stdout.write(f"{count} job{'' if count == 1 else 's'} run.")


def _watch(ended: threading.Event) -> None:
    # Not by way of sys.stdin, whose lock this thread would hold at the end of the process.
    while os.read(0, 1024):
        pass
    ended.set()

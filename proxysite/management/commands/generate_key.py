"""`./gateway generate_key`: prints a new key for ENCRYPTION_KEYS as a line for the environment. Stores nothing."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from proxysite.quickstart.secrets import encryption_key


class Command(BaseCommand):
    """Prints ENCRYPTION_KEYS=<key>; the instructions go to stderr, so that the line can be appended to a file."""

    help = "Print a new encryption key as a line for the environment."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"ENCRYPTION_KEYS={encryption_key()}")
        self.stderr.write(
            "Add this line to the environment of every worker. To replace a key that is in use, run "
            "`./gateway rotate_keys` instead."
        )

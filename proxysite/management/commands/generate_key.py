"""`manage.py generate_key`: one new key for ENCRYPTION_KEYS, as a line for the environment. Nothing is stored."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from proxysite.quickstart.secrets import encryption_key


class Command(BaseCommand):
    """Print ENCRYPTION_KEYS=<key>; what to do with it goes to stderr, so that the line can be appended to a file."""

    help = "Print a new encryption key as a line for the environment."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"ENCRYPTION_KEYS={encryption_key()}")
        self.stderr.write(
            "Put this line into the environment of every worker. To replace a key, write the new one first and keep "
            "the old one behind a comma for as long as credentials stored under it are in use."
        )

"""`./gateway check_statements`: proves that statements are as they were closed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from access.database import snapshot
from usage.statements import checking
from usage.statements.models import Statement


class Command(BaseCommand):
    help = (
        "Compute the hashes of all statements and their lines again and compare them with what is stored and with the "
        "audit. It changes nothing and may run while the gateway does."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Shows each fault; the exit code is 1 if there is any."""
        with snapshot():
            found = list(checking.faults())
            last = Statement.objects.order_by("-number").first()
        for fault in found:
            self.stdout.write(fault)
        if found:
            raise CommandError(
                "Statements are not as they were closed. Compare them with a backup and their entries in the audit."
            )
        if last is None:
            self.stdout.write("No statement is closed yet.")
            return
        self.stdout.write(
            f"{last.number:,} statements are as they were closed. The hash of the last one is {last.hash}."
        )

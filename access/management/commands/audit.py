"""`./gateway audit`: shows the newest entries of the audit; --verify checks that none was changed or left out."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from access.audit import chain
from access.database import snapshot
from access.models import AuditEntry, AuditHead


class Command(BaseCommand):
    """Reads only."""

    help = "Show the newest entries of the audit, or check all of them with --verify."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--verify", action="store_true", help="check every entry against the one before it")
        parser.add_argument("--last", type=int, default=20, metavar="N", help="how many entries to show (default: 20)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verify"]:
            self._verify()
            return
        for entry in reversed(AuditEntry.objects.order_by("-number")[: max(0, options["last"])]):
            moment = timezone.localtime(entry.at).isoformat(sep=" ", timespec="seconds")
            who = entry.person_name or "nobody"
            self.stdout.write(f"{entry.number}  {moment}  {who}  {entry.action}  {entry.object_name}".rstrip())

    def _verify(self) -> None:
        # One state: a live gateway appends meanwhile, and what is printed is what was checked.
        with snapshot():
            faults = list(chain.faults())
            head, number = AuditHead.objects.first() or AuditHead(), AuditEntry.objects.count()
        if faults:
            raise CommandError("\n".join(["The audit was tampered with.", *faults]))
        self.stdout.write(
            f"{number:,} entries follow each other; the last is {head.number}.\n"
            f"Its hash is {head.hash}: write it down elsewhere, and a later check can be compared with it."
        )

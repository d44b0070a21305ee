"""Removes entries of past months, so that those that stay can still be checked."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from access.audit import chain, gate, writer
from access.models import AuditEntry


def prune(before: datetime, using: str = "default") -> int:
    """Deletes the entries from before a moment, and returns how many. The newest always stays.

    The entry about it holds the number and hash of the last one that went, with which the chain begins from then on.
    """
    with transaction.atomic(using=using):
        writer.lock(using)
        entries = AuditEntry.objects.using(using)
        first_kept = entries.filter(at__gte=before).order_by("number").first()
        old = entries.filter(number__lt=first_kept.number) if first_kept is not None else entries.all()
        last = old.order_by("-number").first()
        if last is None:
            return 0
        number = old.count()
        covered = old.exclude(erased_by=None).values_list("erased_by", flat=True).distinct().order_by("erased_by")
        erasures = {
            str(one): chain.statement(entries.filter(erased_by=one, number__gt=last.number).order_by("number"))
            for one in covered
        }
        changes = {
            "entries": number,
            "last removed number": last.number,
            "last removed hash": last.hash,
            "erasures": erasures,
        }
        with gate.opened(writer.Draft(chain.PRUNED, changes=changes), using):
            entries.filter(number__lte=last.number).delete()
        return number

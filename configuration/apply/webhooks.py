"""Writes webhooks. A secret is never in a file: one that is stored stays. Raises ConfigurationError."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from access.models import Webhook
from configuration.apply.context import ImportContext
from configuration.file.schema import WebhookEntry


def write_webhooks(context: ImportContext, entries: Sequence[WebhookEntry]) -> None:
    """Creates and changes webhooks by name; others stay."""
    seen: set[Any] = set()
    existing = {row.name: row for row in Webhook.objects.all()}
    for number, entry in enumerate(entries):
        place = context.place("webhooks", number, f"webhook {entry.name}")
        context.refuse_duplicate(place, seen, entry.name)
        row = existing.get(entry.name) or Webhook(name=entry.name)
        context.save(place, row, entry.name, entry)
        if not row.ciphertext:
            context.report.to_do.append(f"Webhook {entry.name} has no secret: enter it in the admin.")

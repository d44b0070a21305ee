"""The file that a user has chosen, between two pages, and how its provider's invoices were read the last time."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from usage.invoices.columns import Layout
from usage.invoices.models import InvoiceDraft, InvoiceMapping
from usage.invoices.sheet import sheet, text_of

_KEPT: Final = timedelta(days=1)


def put(user_id: int, provider: tuple[int, str], file_name: str, data: bytes) -> InvoiceDraft:
    """Keeps a file of a provider (id and name) for a user, in place of the one before. Raises InvoiceError for what is
    no CSV file."""
    text = text_of(data)
    sheet(text)
    delete_old()
    draft = InvoiceDraft(
        user_id=user_id, provider_id=provider[0], provider_name=provider[1][:60], file_name=file_name[:200], text=text,
        file_hash=hashlib.sha256(data).hexdigest(),
    )  # fmt: skip
    draft.save()
    return draft


def delete_old() -> None:
    """Deletes files that nobody went on with for a day."""
    InvoiceDraft.objects.filter(created_at__lt=timezone.now() - _KEPT).delete()


def get(user_id: int) -> InvoiceDraft | None:
    """Returns the file of a user; None where there is none, or it is older than a day."""
    return _kept(user_id).first()


def waiting(user_id: int) -> InvoiceDraft | None:
    """Returns the file of a user as `get` does, without reading its text, which may have megabytes."""
    return _kept(user_id).defer("text").first()


def _kept(user_id: int) -> QuerySet[InvoiceDraft]:
    return InvoiceDraft.objects.filter(user_id=user_id, created_at__gte=timezone.now() - _KEPT)


def saved_layout(provider_id: int) -> Layout | None:
    """Returns how a provider's invoices were read the last time."""
    found = InvoiceMapping.objects.filter(provider_id=provider_id).first()
    if found is None:
        return None
    return Layout(
        columns=found.columns, days=found.days, decimal=found.decimal, delimiter=found.delimiter,
        only_column=found.only_column, only_text=found.only_text, rate=found.rate, aliases=found.aliases,
    )  # fmt: skip


def save_layout(provider: tuple[int, str], layout: Layout) -> None:
    """Saves how a provider's invoices are read, where that has changed."""
    if layout == saved_layout(provider[0]):
        return
    InvoiceMapping(
        provider_id=provider[0], provider_name=provider[1], columns=layout.columns, days=layout.days,
        decimal=layout.decimal, delimiter=layout.delimiter, only_column=layout.only_column,
        only_text=layout.only_text, rate=layout.rate, aliases=layout.aliases,
    ).save()  # fmt: skip

"""A mail server for pages that mail."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.patience import until


def mails_have_ended() -> None:
    """Waits for mails under way: one that is late would be in the outbox of another test."""
    until(lambda: not any(thread.name == "mail" for thread in threading.enumerate()), "an end of the mails")


@pytest.fixture
def mails(settings: Any) -> Iterator[None]:
    """A mail server: Django's, in memory."""
    settings.EMAIL_URL = "smtp://127.0.0.1"
    settings.DEFAULT_FROM_EMAIL = "gateway@example.com"
    settings.PUBLIC_URL = "https://gateway.example.com"
    yield
    mails_have_ended()

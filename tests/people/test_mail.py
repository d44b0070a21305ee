"""The mail server: set up or not, away, or silent."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from django.core import mail as outgoing

from access import mail
from tests.harness.gateway import free_port
from tests.harness.patience import SOON
from tests.people.conftest import mails_have_ended
from tests.rooms.test_checks import warnings


@pytest.fixture
def server(settings: Any) -> Any:
    """Settings of a mail server."""
    settings.EMAIL_URL = "smtp://127.0.0.1"
    settings.DEFAULT_FROM_EMAIL = "gateway@example.com"
    settings.PUBLIC_URL = "https://gateway.example.com"
    return settings


def test_a_mail_is_one_text_to_one_person_whatever_a_team_is_called(server: Any) -> None:
    mail.send("mia@example.com", "The team Blue\nBcc: all@example.com", "Hello")
    (message,) = outgoing.outbox
    assert message.recipients() == ["mia@example.com"]
    assert message.subject == "The team Blue Bcc: all@example.com"


@pytest.mark.parametrize("missing", ["EMAIL_URL", "DEFAULT_FROM_EMAIL", "PUBLIC_URL"])
def test_what_is_missing_is_reported_and_nothing_is_sent(server: Any, missing: str) -> None:
    assert mail.is_configured()
    assert "gateway.E010" not in warnings()
    setattr(server, missing, "")
    assert not mail.is_configured()
    with pytest.raises(mail.NotSent, match="EMAIL_URL"):
        mail.send("mia@example.com", "Subject", "Text")
    assert ("gateway.E010" in warnings()) is (missing != "EMAIL_URL")


def test_a_server_that_is_away_is_named(server: Any) -> None:
    server.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    server.EMAIL_HOST, server.EMAIL_PORT = "127.0.0.1", free_port()
    with pytest.raises(mail.NotSent, match="ConnectionRefusedError"):
        mail.send("mia@example.com", "Subject", "Text")


def test_a_silent_server_holds_a_page_for_so_long_and_others_not_at_all(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "_WAIT_SECONDS", 0.2)
    server.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.EMAIL_HOST, server.EMAIL_PORT = listener.getsockname()
        with pytest.raises(mail.NotSent, match="did not answer in time"):
            mail.send("mia@example.com", "Subject", "Text")
        began = time.monotonic()
        for _ in range(5):
            mail.send_soon("mia@example.com", "Subject", "Text")
        # All places are taken by now: nothing queues.
        with pytest.raises(mail.NotSent, match="Try again"):
            mail.send("mia@example.com", "Subject", "Text")
        assert time.monotonic() - began < SOON
    mails_have_ended()

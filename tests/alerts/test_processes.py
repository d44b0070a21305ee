"""Several processes send from one outbox: each message leaves once, and a process that dies costs one duplicate."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from access.models import OutboxMessage
from access.outbox import alerts
from tests.alerts.servers import MailServer, running
from tests.alerts.test_raising import finding
from tests.harness import database
from tests.harness.patience import until
from tests.harness.rows import Rows

pytestmark = pytest.mark.both_databases

_PROGRAM = """
import os, sys, django
django.setup()
from proxysite.alerts.sending import send_next
print("ready", flush=True)
sys.stdin.readline()
while send_next(f"process {os.getpid()}"):
    pass
"""


@pytest.fixture
def outbox(own_database: Rows, settings: Any) -> Iterator[MailServer]:
    """Owners with addresses, and a mail server."""
    server = MailServer()
    settings.EMAIL_URL, settings.DEFAULT_FROM_EMAIL = server.url, "gateway@example.com"
    settings.PUBLIC_URL = "https://gateway.example.com"
    for number in range(4):
        User.objects.create_superuser(f"owner{number}", email=f"{number}@example.com")
    with running(server):
        yield server


def _sender(server: MailServer, stack: ExitStack) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "proxysite.settings",
        "DATABASE_URL": database.live_url(),
        "EMAIL_URL": server.url,
        "DEFAULT_FROM_EMAIL": "gateway@example.com",
        "PUBLIC_URL": "https://gateway.example.com",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        cwd=Path(__file__).parents[2],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    stack.callback(process.wait, 30)
    stack.callback(process.kill)
    return process


def _go(*processes: subprocess.Popen[bytes]) -> None:
    """Lets all begin once each is ready, so that none finds the outbox empty because it started slowly."""
    for process in processes:
        assert process.stdout is not None
        with process.stdout as ready:
            assert ready.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.close()


def test_two_processes_send_each_message_once(outbox: MailServer) -> None:
    alerts.raise_all(
        [finding(once=f"journal:{number}", subject=f"Rows {number}") for number in range(10)], timezone.now()
    )
    assert OutboxMessage.objects.count() == 40
    with ExitStack() as stack:
        senders = [_sender(outbox, stack) for _ in range(2)]
        # No mail is answered before both have sent one: so both have a share.
        outbox.answers_from = 2
        _go(*senders)
        assert [sender.wait(60) for sender in senders] == [0, 0]
    sent = Counter((recipients, message["subject"]) for recipients, message in outbox.mails)
    assert len(sent) == 40
    assert set(sent.values()) == {1}
    # Both had a share.
    assert len(set(OutboxMessage.objects.values_list("leased_by", flat=True))) == 2
    assert not OutboxMessage.objects.filter(sent_at=None).exists()


def test_a_process_that_is_killed_before_it_wrote_that_it_sent_costs_one_duplicate(outbox: MailServer) -> None:
    User.objects.exclude(username="owner0").update(email="")
    alerts.raise_all([finding()], timezone.now())
    with ExitStack() as stack:
        first, second = (_sender(outbox, stack) for _ in range(2))
        outbox.hold_answers = True
        _go(first)
        until(outbox.taken.is_set, "the mail")
        first.send_signal(signal.SIGKILL)
        first.wait(30)
        outbox.hold_answers = False
        # Its lease holds: nobody else sends the message.
        _go(second)
        assert second.wait(60) == 0
        assert len(outbox.to("0@example.com")) == 1
        # The lease ends.
        OutboxMessage.objects.update(lease_until=timezone.now())
        third, fourth = (_sender(outbox, stack) for _ in range(2))
        _go(third, fourth)
        assert [third.wait(60), fourth.wait(60)] == [0, 0]
    assert len(outbox.to("0@example.com")) == 2
    assert OutboxMessage.objects.filter(channel="mail", sent_at=None).count() == 0

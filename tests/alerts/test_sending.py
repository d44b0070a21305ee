"""Messages leave through real servers: once, tried again with pauses, given up after a day, and again on demand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from access.models import Alert, Lease, OutboxMessage, Team, Webhook
from access.outbox import alerts, queue
from providers import secrets
from proxysite.alerts.sending import send_next
from tests.alerts.conftest import make_webhook
from tests.alerts.servers import MailServer, Receiver
from tests.alerts.test_raising import finding
from tests.harness.gateway import free_port

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def _raise(**fields: Any) -> OutboxMessage:
    alerts.raise_all([finding(**fields)], timezone.now())
    return OutboxMessage.objects.order_by("pk")[0]


def _send_all() -> int:
    number = 0
    while send_next("me"):
        number += 1
    return number


def _later(**times: float) -> None:
    """Lets time pass for every message."""
    gone = timedelta(**times)
    OutboxMessage.objects.update(created_at=F("created_at") - gone, again_at=F("again_at") - gone)
    OutboxMessage.objects.filter(next_try_at__isnull=False).update(next_try_at=F("next_try_at") - gone)
    OutboxMessage.objects.filter(lease_until__isnull=False).update(lease_until=F("lease_until") - gone)


def test_a_mail_says_what_happened_and_where_to_look(team: Team, mail_server: MailServer) -> None:
    _raise()
    assert _send_all() == 1
    (mail,) = mail_server.to("owen@example.com")
    assert (mail["subject"], mail["from"], mail["to"]) == ("Rows wait", "gateway@example.com", "owen@example.com")
    lines = mail.get_content().split()
    assert lines[:2] == ["Rows", "wait."]
    assert "https://gateway.example.com/admin/" in lines
    message = OutboxMessage.objects.get()
    assert (message.sent_at is not None, message.tries, message.next_try_at, message.lease_until) == (
        True, 1, None, None,
    )  # fmt: skip
    _later(days=2)
    assert _send_all() == 0


def test_a_webhook_is_signed_with_its_secret(team: Team, receiver: Receiver) -> None:
    webhook = make_webhook(receiver.url)
    _raise()
    assert _send_all() == 1
    ((status, body),) = receiver.received
    assert (status, body["type"], body["data"]) == (200, "journal", {"bytes": 7})
    # With another secret the receiver refuses it, and it is tried again.
    webhook.ciphertext = secrets.encrypt("another-secret-of-the-webhook-01234")
    webhook.save()
    _raise(once="journal:other")
    assert _send_all() == 1
    failed = OutboxMessage.objects.get(channel="webhook", sent_at=None)
    assert (failed.error, failed.tries) == ("The webhook was not reached: its server answered HTTP 401.", 1)


def _refused_status(receiver: Receiver, webhook: Webhook) -> str:
    receiver.status = 503
    return "its server answered HTTP 503"


def _redirect(receiver: Receiver, webhook: Webhook) -> str:
    receiver.status, receiver.location = 307, "http://127.0.0.1:9/"
    return "its server answered HTTP 307"


def _away(receiver: Receiver, webhook: Webhook) -> str:
    webhook.url = f"http://127.0.0.1:{free_port()}/"
    return "its server could not be reached"


def _not_local(receiver: Receiver, webhook: Webhook) -> str:
    webhook.is_local = False
    return "its address is private"


def _metadata(receiver: Receiver, webhook: Webhook) -> str:
    webhook.url = "http://169.254.169.254/latest"
    return "its address is blocked"


@pytest.mark.parametrize("spoil", [_refused_status, _redirect, _away, _not_local, _metadata])
def test_a_webhook_that_fails_says_why(
    team: Team, receiver: Receiver, spoil: Callable[[Receiver, Webhook], str]
) -> None:
    webhook = make_webhook(receiver.url)
    why = spoil(receiver, webhook)
    webhook.save()
    _raise()
    assert _send_all() == 1
    message = OutboxMessage.objects.get(channel="webhook")
    assert why in message.error
    assert webhook.url not in message.error
    assert (message.sent_at, message.failed_at) == (None, None)


def test_a_secret_that_cannot_be_read_is_named(team: Team, receiver: Receiver) -> None:
    Webhook.objects.filter(pk=make_webhook(receiver.url).pk).update(ciphertext="gAAAAAnothing")
    _raise()
    assert _send_all() == 1
    assert "The webhook's secret cannot be read" in OutboxMessage.objects.get(channel="webhook").error
    assert receiver.received == []


def test_pauses_double_and_a_day_is_the_end(team: Team, receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    receiver.status = 500
    make_webhook(receiver.url)
    _raise()
    pauses = []
    for _ in range(50):
        before = timezone.now()
        assert _send_all() == 1
        message = OutboxMessage.objects.get(channel="webhook")
        if message.next_try_at is None:
            break
        # In whole minutes, whatever the try took of the next one.
        pauses.append((message.next_try_at - before) // timedelta(minutes=1) * 60)
        # Nothing before its time.
        assert _send_all() == 0
        _later(seconds=pauses[-1] + 1)
    assert pauses[:7] == [60, 120, 240, 480, 960, 1920, 3600]
    assert set(pauses[7:]) == {3600}
    assert sum(pauses) <= 86_400
    assert message.failed_at is not None
    assert "a message was given up" in caplog.text
    # Somebody has the receiver repaired.
    receiver.status = 200
    assert queue.send_again(message)
    assert not queue.send_again(message)
    assert _send_all() == 1
    again = OutboxMessage.objects.get(channel="webhook")
    assert (again.sent_at is not None, again.failed_at, again.error) == (True, None, "")
    assert [status for status, _ in receiver.received].count(200) == 1
    assert len({body["id"] for _, body in receiver.received}) == 1
    assert not queue.send_again(message)


def test_an_address_that_the_server_refuses_for_good_is_given_up(team: Team, mail_server: MailServer) -> None:
    mail_server.refused["owen@example.com"] = "550 no such user"
    _raise()
    assert _send_all() == 1
    message = OutboxMessage.objects.get()
    assert (message.error, message.failed_at is not None) == ("The mail server refused this address.", True)
    mail_server.refused["owen@example.com"] = "450 try later"
    queue.send_again(message)
    assert _send_all() == 1
    message.refresh_from_db()
    assert (message.failed_at, message.next_try_at is not None) == (None, True)


@pytest.mark.parametrize("change", [{"is_active": False}, {"email": ""}])
def test_nothing_is_sent_to_who_left_or_has_no_address(
    team: Team, mail_server: MailServer, change: dict[str, Any]
) -> None:
    message = _raise()
    User.objects.create_superuser("olga")
    User.objects.filter(username="owen").update(**change)
    assert _send_all() == 1
    message.refresh_from_db()
    assert message.failed_at is not None
    assert mail_server.mails == []


def test_a_webhook_that_was_switched_off_or_deleted_gets_nothing_more(team: Team, receiver: Receiver) -> None:
    webhook = make_webhook(receiver.url)
    _raise()
    Webhook.objects.update(enabled=False)
    assert _send_all() == 1
    assert OutboxMessage.objects.get(channel="webhook").error == "The webhook is off."
    webhook.delete()
    assert not OutboxMessage.objects.filter(channel="webhook").exists()
    assert Alert.objects.count() == 1
    assert receiver.received == []


def test_a_message_belongs_to_one_worker_until_its_lease_ends(team: Team, mail_server: MailServer) -> None:
    _raise()
    taken = queue.claim("first", OutboxMessage)
    assert taken is not None
    assert queue.claim("second", OutboxMessage) is None
    _later(seconds=queue.MESSAGE_SECONDS + 1)
    other = queue.claim("second", OutboxMessage)
    assert other is not None
    # The first one was only slow: the message is the second one's by now.
    queue.not_sent(taken, "too late", for_good=True)
    message = OutboxMessage.objects.get()
    assert (message.leased_by, message.failed_at) == ("second", None)
    queue.sent(other)
    assert OutboxMessage.objects.get().sent_at is not None


def test_one_worker_has_the_lease_until_it_ends_or_is_given_back(db: None) -> None:
    assert queue.take_lease("first")
    assert not queue.take_lease("second")
    assert queue.take_lease("first")
    queue.give_lease_back("second")
    assert not queue.take_lease("second")
    queue.give_lease_back("first")
    assert queue.take_lease("second")
    # A worker that died does not renew it.
    Lease.objects.update(until=timezone.now())
    assert queue.take_lease("first")
    assert not queue.take_lease("second")

"""Running gateways with several workers: people learn of a budget, and of rows that wait while the database is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone

from access.models import Alert, Budget, Lease, Membership, OutboxMessage, Team
from tests.alerts.conftest import SECRET, make_webhook
from tests.alerts.servers import MailServer, Receiver, running
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import make_key, make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream
from usage.budgets.models import BudgetWindow

pytestmark = pytest.mark.both_databases


@pytest.fixture
def mails(own_database: Rows) -> Iterator[MailServer]:
    """A mail server, and the one owner has an address."""
    server = MailServer()
    User.objects.create_superuser("owner", email="owner@example.com")
    with running(server):
        yield server


def _gateway(name: str, server: MailServer, **env: str) -> Gateway:
    mail = {
        "EMAIL_URL": server.url,
        "DEFAULT_FROM_EMAIL": "gateway@example.com",
        "PUBLIC_URL": "https://gw.example.com",
    }
    return Gateway(name, workers=2, env={**mail, **env})


def _about_rows(mails: MailServer) -> list[str]:
    subjects = [mail["subject"] for mail in mails.to("owner@example.com")]
    return [subject for subject in subjects if "Usage rows wait on" in subject]


def test_the_lead_of_a_team_learns_once_that_its_budget_runs_out(mails: MailServer) -> None:
    team = Team.objects.create(name="Blue")
    lead = User.objects.create_user("lea", email="lead@example.com")
    Membership.objects.create(team=team, user=lead, role="lead")
    budget = Budget.objects.create(team=team, amount=10)
    now = timezone.now()
    BudgetWindow.objects.create(
        budget_id=budget.pk, team_id=team.pk, amount=10, spent=Decimal("9.5"),
        starts_at=now - timedelta(days=1), resets_at=now + timedelta(days=1),
    )  # fmt: skip
    receiver = Receiver(SECRET)
    make_webhook(receiver.url, kinds="budget")
    gateway = _gateway("alerting", mails)
    with running(receiver):
        gateway.start()
        try:
            until(lambda: mails.to("lead@example.com") and receiver.received, "an alert")
            until(lambda: not OutboxMessage.objects.filter(next_try_at__isnull=False).exists(), "all of them")
            holder = Lease.objects.get().holder
            # The other workers watch what these watched, and send nothing again.
            gateway.stop()
            again = timezone.now()
            gateway.start()
            until(lambda: Lease.objects.get().holder != holder, "another worker at work")
            until(lambda: Alert.objects.get(kind="budget").seen_at > again, "its look")
        finally:
            gateway.stop()
    (mail,) = mails.to("lead@example.com")
    assert mail["subject"] == "Budget of team Blue: 95 % of $10.00 spent"
    ((status, body),) = receiver.received
    assert (status, body["type"], body["data"]["threshold"], body["gateway"]) == (
        200, "budget", 90, "https://gw.example.com",
    )  # fmt: skip


@contextmanager
def _rows_are_refused() -> Iterator[None]:
    """The database takes no usage rows meanwhile."""
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            is_sqlite = other.vendor == "sqlite"
            cursor.execute(
                "BEGIN IMMEDIATE" if is_sqlite else "BEGIN; LOCK TABLE usage_requestlog IN ACCESS EXCLUSIVE MODE"
            )
            yield
            cursor.execute("ROLLBACK")
    finally:
        other.close()


def test_the_owner_learns_that_rows_wait_while_the_database_takes_none(mails: MailServer, upstream: Upstream) -> None:
    key, route = make_key(), make_route([make_model(make_provider("openai_chat", f"{upstream.base_url}/wait/v1"))])
    gateway = _gateway("waiting", mails, JOURNAL_MAX_BYTES="60000", UNACCOUNTED="serve")
    gateway.start()
    try:
        until(lambda: Lease.objects.exists(), "the first look")
        client = Client(gateway.base_url, key.secret)
        script = upstream.script(speak.answer("openai_chat"))
        with _rows_are_refused():

            def is_known() -> bool:
                client.post(message(route.name, script.prompt))
                return bool(_about_rows(mails))

            until(is_known, "a mail")
        until(lambda: gateway.readiness()[0] == 200, "to be ready")
    finally:
        gateway.stop()
    # At most one for each level, of both workers together.
    assert len(_about_rows(mails)) <= 2

"""Servers, a team with people, and settings of mail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from access.models import Membership, Team, Webhook
from providers import secrets
from tests.alerts.servers import MailServer, Receiver, running

SECRET = "a-secret-of-the-webhook-0123456789"


@pytest.fixture
def mail_server(settings: Any) -> Iterator[MailServer]:
    """A mail server that takes everything, which the settings name."""
    server = MailServer()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_URL = server.url
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
    settings.DEFAULT_FROM_EMAIL = "gateway@example.com"
    settings.PUBLIC_URL = "https://gateway.example.com"
    with running(server):
        yield server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that takes webhooks."""
    server = Receiver(SECRET)
    with running(server):
        yield server


def make_webhook(url: str, **fields: Any) -> Webhook:
    """A webhook with SECRET to an address of this machine."""
    values = {"name": "pager", "is_local": True, "ciphertext": secrets.encrypt(SECRET), **fields}
    return Webhook.objects.create(url=url, **values)


@pytest.fixture
def team() -> Team:
    """The team Blue with its lead lea and its member mia; owen owns the gateway."""
    team = Team.objects.create(name="Blue")
    for name, role in (("lea", Membership.Role.LEAD), ("mia", Membership.Role.MEMBER)):
        user = User.objects.create_user(name, email=f"{name}@example.com")
        Membership.objects.create(team=team, user=user, role=role)
    User.objects.create_superuser("owen", email="owen@example.com")
    return team

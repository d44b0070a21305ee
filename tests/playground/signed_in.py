"""Somebody who is signed in and sends requests from the playground, as its page does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from django.contrib.auth.models import User
from django.test import Client as Browser

from access.models import Membership, Team
from tests.harness.call import Client
from tests.harness.configure import unique
from tests.harness.forms import delete_users, fields_of
from tests.harness.gateway import Gateway
from tests.harness.patience import PATIENCE


class SignedIn:
    """A person with a session at a gateway, in a team of their own unless one is given."""

    def __init__(self, gateway: Gateway, team: Team | None = None, *, role: str = "member") -> None:
        self.team = team or Team.objects.create(name=unique("team"))
        self.person = User.objects.create_user(unique("person"))
        if role == "owner":
            User.objects.filter(pk=self.person.pk).update(is_superuser=True, is_staff=True)
        else:
            Membership.objects.create(team=self.team, user=self.person, role=role)
        self.person.refresh_from_db()
        self._gateway = gateway
        self._site = "admin/console" if role == "owner" else "my"
        browser = Browser()
        browser.force_login(self.person)
        self.session = browser.session
        cookies = {name: cookie.value for name, cookie in browser.cookies.items()}
        # A connection for each request, so that any worker may take it.
        limits = httpx.Limits(max_keepalive_connections=0)
        self.web = httpx.Client(
            base_url=gateway.base_url, cookies=cookies, trust_env=False, timeout=PATIENCE, limits=limits
        )

    def page(self) -> str:
        """The page of the playground."""
        answer = self.web.get(f"/{self._site}/playground/")
        assert answer.status_code == 200, answer.text[:500]
        return answer.text

    def ask_token(self, team: int | None = None) -> httpx.Response:
        """Asks for a token as the page does."""
        secret = fields_of(self.page())["csrfmiddlewaretoken"]
        sent = {"team": team or self.team.pk, "csrfmiddlewaretoken": secret}
        return self.web.post(f"/{self._site}/playground/token/", data=sent)

    def token(self) -> str:
        """A new token."""
        found: str = self.ask_token().json()["token"]
        return found

    def api(self, token: str = "") -> Client:
        """The API, asked with a token, by default a new one."""
        return asking(self._gateway, token or self.token())

    def row(self, request_id: str) -> dict[str, Any]:
        """What the page learns of a request."""
        found: dict[str, Any] = self.web.get(f"/{self._site}/playground/row/", params={"id": request_id}).json()
        return found


def asking(gateway: Gateway, token: str) -> Client:
    """The API, asked with a token."""
    return Client(gateway.base_url, None, authorization=f"Bearer {token}")


@contextmanager
def signed_in(gateway: Gateway, *args: Any, **kwargs: Any) -> Iterator[SignedIn]:
    """Somebody who is gone at the end."""
    made = SignedIn(gateway, *args, **kwargs)
    try:
        yield made
    finally:
        made.web.close()
        delete_users(pk=made.person.pk)

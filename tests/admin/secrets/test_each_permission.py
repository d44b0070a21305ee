"""Whatever single right a member of staff has, no secret leaves: by no page, action, export, test or new address."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as configured
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from access.models import (
    Alert,
    Budget,
    ClientKey,
    IncreaseRequest,
    Invitation,
    Membership,
    OutboxMessage,
    RateLimit,
    ReportToken,
    Team,
    Webhook,
)
from configuration.file.exporting import export_text
from providers import secrets
from providers.credentials.binding import destination_of
from providers.credentials.headers import sealed
from providers.models import Credential, Model, Provider
from routing.loading.load import load_snapshot
from routing.models import Alias, Candidate, Concept, Route, Rule, ScenarioRoute
from tests.admin.history import attempt_row, request_row
from tests.admin.pages import form_of, staff
from tests.admin.secrets.carrying import HostileServer, pages, permissions, rows
from usage.budgets.models import BudgetWindow
from usage.models import SetAside

pytestmark = pytest.mark.django_db

STORED, NAMED, HEADER, OTHERS, SIGNS = (
    f"marked-{name}-0123456789abcdef" for name in ("stored", "named", "header", "others", "signs")
)
CHANGING = ("providers.view_provider", "providers.change_provider")
TRUSTED = "providers.name_variable"
"""With the right to enter credentials too, it is the right to send allowed variables anywhere: docs/credentials.md."""
OF_PROVIDERS = [permission for permission in permissions() if permission.startswith("providers.")]


@pytest.fixture(scope="module")
def hostile() -> Iterator[HostileServer]:
    with HostileServer() as server:
        yield server


@pytest.fixture
def marks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A row of everything, with secrets to recognise. Returns them all."""
    for name, value in {
        "MARKED_API_KEY": NAMED,
        "OTHERS_API_KEY": OTHERS,
        "DATABASE_URL": f"postgres://{OTHERS}",
    }.items():
        monkeypatch.setenv(name, value)
    root = User.objects.create_superuser("root", password="a password")
    Group.objects.create(name="nobody")
    team = Team.objects.create(name="Search")
    key = ClientKey.objects.create(team=team, name="CI", prefix="sk-px-abcd", hash="ab" * 32)
    Membership.objects.create(team=team, user=User.objects.create_user("member"))
    budget = Budget.objects.create(team=team, amount=5)
    now = timezone.now()
    BudgetWindow.objects.create(budget_id=budget.pk, team_id=team.pk, starts_at=now, resets_at=now, amount=5)
    RateLimit.objects.create(team=team, measure="requests", most=5)
    IncreaseRequest.objects.create(budget=budget, team=team, user=User.objects.get(username="member"), amount=5)
    Invitation.objects.create(team=team, hash="cd" * 32, expires_at=timezone.now() + timedelta(days=1))
    provider = Provider(name="mine", dialect="openai_chat", base_url="http://127.0.0.1:9/v1", is_local=True)
    provider.secret_headers = {"x-relay": sealed(HEADER, destination_of(provider))}
    provider.save()
    stored = Credential(provider=provider, name="stored")
    stored.set_secret(STORED)
    stored.save()
    Credential.objects.create(provider=provider, name="named", source="environment", variable="MARKED_API_KEY")
    model = Model.objects.create(provider=provider, name="m")
    route = Route.objects.create(name="r", is_default=True)
    Candidate.objects.create(route=route, model=model)
    Alias.objects.create(pattern="a", target="r")
    Rule.objects.create(name="rule", route=route)
    ScenarioRoute.objects.create(scenario="think", route=route)
    Concept.objects.create(name="sql", route=route)
    attempt_row(request_row(provider_id=provider.pk, provider_name="mine", session_id="s"), provider_id=provider.pk)
    SetAside.objects.create(request_id="req_1", cause="why", payload={})
    Webhook.objects.create(name="pager", url="http://127.0.0.1:9/", is_local=True, ciphertext=secrets.encrypt(SIGNS))
    token = ReportToken.objects.create(name="dashboard", prefix="rpt-abcd", hash="ef" * 32)
    alert = Alert.objects.create(once="journal:host", kind="journal", subject="Rows wait", text="Rows wait.")
    OutboxMessage.objects.create(alert=alert, once="1", channel="page", subject="Rows wait", text="Rows wait.")
    kept = [configured.SECRET_KEY, *configured.ENCRYPTION_KEYS, root.password.rpartition("$")[2], token.hash, key.hash]
    return [STORED, NAMED, HEADER, OTHERS, SIGNS, *kept]


class Carrier:
    """Looks at all that comes back or arrives at the hostile server."""

    def __init__(self, browser: Client, marks: list[str], hostile: HostileServer, log: Callable[[], str]) -> None:
        self.browser = browser
        self._marks = marks
        self._hostile = hostile
        self._log = log

    def look(self, what: str, response: Any) -> Any:
        """Returns the response, once nothing secret is in it or anywhere else."""
        body = b"".join(response.streaming_content) if response.streaming else response.content
        self._refuse(what, body + str(response.headers).encode())
        self._refuse(f"{what}, at the hostile server", b"".join(self._hostile.received))
        self._refuse(f"{what}, in the log", self._log().encode())
        return response

    def _refuse(self, what: str, found: bytes) -> None:
        assert [mark for mark in self._marks if mark.encode() in found] == [], what

    def get(self, url: str, data: Any = None) -> Any:
        return self.look(f"GET {url}", self.browser.get(url, data))

    def post(self, url: str, data: Any) -> Any:
        return self.look(f"POST {url} {data}", self.browser.post(url, data))


@pytest.fixture
def carrier(marks: list[str], hostile: HostileServer, caplog: Any) -> Callable[..., Carrier]:
    def made(*permissions: str) -> Carrier:
        hostile.received.clear()
        return Carrier(staff(*dict.fromkeys(permissions)), marks, hostile, lambda: caplog.text)

    return made


def test_secrets_are_nowhere_in_clear_in_the_database(marks: list[str]) -> None:
    secret = [STORED, NAMED, HEADER, OTHERS, SIGNS]
    for model in apps.get_models():
        for values in model._default_manager.values_list():
            assert [mark for mark in secret if mark in str(values)] == [], model
    assert [mark for mark in marks[:-1] if mark in export_text(with_keys=True)] == []


def test_without_any_right_no_page_shows_a_secret(carrier: Callable[..., Carrier]) -> None:
    one = carrier()
    assert {one.get(url).status_code for url in pages()} <= {200, 302, 400, 401, 403, 404, 405}


@pytest.mark.parametrize("permission", permissions())
def test_no_page_and_no_action_shows_a_secret(permission: str, carrier: Callable[..., Carrier]) -> None:
    one = carrier(permission)
    answered = {url: one.get(url).status_code for url in pages(User.objects.get(username__startswith="staff"))}
    assert {status for status in answered.values() if status >= 500} == set()
    known = rows()
    for model, page in admin.site._registry.items():
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        listing = reverse(f"admin:{label}_changelist")
        if answered.get(listing) == 200:
            own = [action if isinstance(action, str) else action.__name__ for action in page.actions or ()]
            for action in dict.fromkeys([*own, *(name for name, _ in admin.site.actions)]):
                if action != "delete_selected" or permission.endswith(f"delete_{model._meta.model_name}"):
                    one.post(listing, {"action": action, "_selected_action": [known[label].pk]})


def _hostile_forms(data: dict[str, Any], evil: str) -> Iterator[dict[str, Any]]:
    """Yields the form of the provider's page, changed so as to carry a secret to `evil`."""
    there = {"base_url": f"{evil}/v1", "is_local": "on"}
    shown = {name.replace("-name", "-public"): "on" for name in data if re.fullmatch(r"headers-\d+-name", name)}
    steering = {"headers-5-name": "x-target-url", "headers-5-value": evil}
    yield there
    yield {"proxy_url": evil}
    yield {**there, **shown}
    yield {**steering, "headers-5-public": "on"}
    for variable in ("OTHERS_API_KEY", "DATABASE_URL", "SECRET_KEY"):
        named = {"credentials-0-source": "environment", "credentials-0-variable": variable}
        yield {**there, **named}
    yield {**there, "credentials-1-confirm": "on"}
    yield {**there, "credentials-0-name": "another", "credentials-0-position": "7"}
    yield {**there, "platform": "azure", "options": "{}"}


def _use_everything(one: Carrier, provider: Provider, evil: str) -> None:
    """All that sends or shows requests: the tests, Explain, and what live requests would be sent with."""
    one.post(reverse("console:provider-test", args=[provider.pk]), {"other": "m"})
    one.get(reverse("console:provider-models", args=[provider.pk]))
    body = json.dumps({"model": "r", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]})
    one.post(reverse("console:explain"), {"body": body})
    one.get(reverse("admin:providers_provider_changelist"))
    for loaded in load_snapshot({}).providers.values():
        target = f"{loaded.base_url} {loaded.proxy_url} {dict(loaded.headers).get('x-target-url')}"
        sent = [one.secret.reveal() for one in loaded.credentials] + [value for _, value in loaded.headers]
        assert evil not in target or {STORED, NAMED, HEADER, OTHERS}.isdisjoint(sent)


@pytest.mark.parametrize(
    "granted",
    [*(one for one in OF_PROVIDERS if one.endswith(("credential", "variable", "model"))), "all but naming variables"],
)
def test_no_right_beside_the_one_to_change_providers_carries_a_secret_away(
    granted: str, carrier: Callable[..., Carrier], hostile: HostileServer
) -> None:
    several = [permission for permission in OF_PROVIDERS if permission != TRUSTED]
    one = carrier(*CHANGING, *([granted] if granted in OF_PROVIDERS else several))
    provider = Provider.objects.get()
    page = reverse("admin:providers_provider_change", args=[provider.pk])
    before = {kind: list(kind.objects.values()) for kind in (Provider, Credential)}
    form = form_of(one.get(page))
    taken = 0
    for changes in _hostile_forms(form, hostile.url):
        taken += one.post(page, {**form, **changes}).status_code == 302
        _use_everything(one, provider, hostile.url)
        for kind, values in before.items():
            for value in values:
                kind.objects.filter(pk=value["id"]).update(**value)
    assert taken >= 3, "the form was not even sent"

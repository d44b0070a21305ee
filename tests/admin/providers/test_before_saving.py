"""A provider is tested with what stands in the form of a new one: checked as a saved one, sent, and not stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from access.models import AuditEntry
from providers.models import Credential, Model, Provider
from tests.admin.pages import form_of, staff, text_of
from tests.admin.secrets.carrying import HostileServer

pytestmark = pytest.mark.django_db

ADD, TRIAL = "/admin/providers/provider/add/?preset=blank", "/admin/console/providers/trial/"
SECRET = "sk-typed-and-not-saved-0001"


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with HostileServer() as found:
        yield found


def _typed(browser: Client, url: str, **fields: Any) -> dict[str, Any]:
    data = {**form_of(browser.get(ADD)), "name": "mine", "dialect": "openai_chat", "base_url": f"{url}/v1"}
    return {**data, "is_local": "on", **fields}


def _credential(**fields: Any) -> dict[str, Any]:
    row = {"name": "first", "source": "stored", "secret": SECRET, "position": 0, "weight": 1, "enabled": "on"}
    row |= dict.fromkeys(("requests_per_minute", "tokens_per_minute", "concurrent"), 0) | fields
    return {"credentials-TOTAL_FORMS": 1, **{f"credentials-0-{name}": value for name, value in row.items()}}


def _nothing_is_stored() -> bool:
    return not any(kind.objects.exists() for kind in (Provider, Credential, Model, LogEntry))


def test_the_add_page_alone_offers_it(admin_client: Client) -> None:
    page = admin_client.get(ADD).content.decode()
    assert f'data-gateway-trial="{TRIAL}"' in page
    provider = Provider.objects.create(name="mine", dialect="openai_chat", base_url="https://example.com/v1")
    assert TRIAL not in admin_client.get(f"/admin/providers/provider/{provider.pk}/change/").content.decode()
    without = staff("providers.add_provider", "providers.view_provider")
    assert TRIAL not in without.get(ADD).content.decode()
    assert without.post(TRIAL).status_code == 403
    assert staff("providers.use_credential", "providers.view_provider").post(TRIAL).status_code == 403


def test_the_typed_secret_goes_to_the_typed_address_and_nowhere_else(
    admin_client: Client, server: HostileServer
) -> None:
    answer = admin_client.post(TRIAL, _typed(admin_client, server.url, **_credential()))
    assert "It answers, and lists its models." in text_of(answer)
    assert "1 model: m" in text_of(answer)
    (sent,) = server.received
    assert f"Bearer {SECRET}".encode() in sent
    assert _nothing_is_stored()
    entry = AuditEntry.objects.get(action="provider tested")
    assert entry.object_name == "mine (not saved)"
    assert f"{server.url}/v1" in entry.changes
    assert SECRET not in entry.changes + answer.content.decode()


def test_a_private_address_is_not_called_until_local_is_on(admin_client: Client, server: HostileServer) -> None:
    typed = _typed(admin_client, server.url)
    del typed["is_local"]
    answer = admin_client.post(TRIAL, typed)
    assert "switch “local” on to allow it" in text_of(answer)
    assert "data-gateway-allow-local" in answer.content.decode()
    assert server.received == []
    # An address that is never allowed offers nothing.
    answer = admin_client.post(TRIAL, {**typed, "base_url": "http://169.254.169.254/v1"})
    assert "data-gateway-allow-local" not in answer.content.decode()
    assert not AuditEntry.objects.filter(action="provider tested").exists()


@pytest.mark.parametrize("more", [{}, _credential(secret="sk-a-second-one-0002")])
def test_the_key_of_a_preset_is_tried_before_typed_credentials(
    admin_client: Client, server: HostileServer, more: dict[str, Any]
) -> None:
    page = admin_client.get("/admin/providers/provider/add/?preset=other-openai")
    typed = form_of(page) | {"base_url": f"{server.url}/v1", "is_local": "on", "key": SECRET, **more}
    answer = admin_client.post(TRIAL, typed)
    assert "It answers, and lists its models." in text_of(answer)
    (sent,) = server.received
    assert f"Bearer {SECRET}".encode() in sent
    assert SECRET not in answer.content.decode()
    assert _nothing_is_stored()


def test_with_a_model_a_small_request_is_sent(admin_client: Client, server: HostileServer) -> None:
    typed = _typed(admin_client, server.url, **_credential(), trial_model="gpt-5")
    text = text_of(admin_client.post(TRIAL, typed))
    assert "What to do: " in text
    (sent,) = server.received
    assert b'"gpt-5"' in sent
    assert f"Bearer {SECRET}".encode() in sent
    assert SECRET not in text
    assert _nothing_is_stored()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"is_local": ""}, "Base URL: "),
        ({"base_url": "http://169.254.169.254/v1"}, "is blocked"),
        ({"name": ""}, "Name: This field is required."),
        ({"proxy_url": "nonsense"}, "Proxy URL: Start the address"),
        (_credential(secret=""), "Secret: Enter the secret"),
        (_credential(enabled=""), "no usable credential"),
    ],
)
def test_what_could_not_be_saved_is_not_sent(
    admin_client: Client, server: HostileServer, fields: dict[str, str], says: str
) -> None:
    typed = _typed(admin_client, server.url, **fields)
    text = text_of(admin_client.post(TRIAL, {name: value for name, value in typed.items() if value != ""}))
    assert "Nothing was sent." in text
    assert says in text
    assert server.received == []
    assert not AuditEntry.objects.filter(action="provider tested").exists()


def test_a_variable_is_read_for_those_alone_who_may_name_it(
    server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE_API_KEY", SECRET)
    may = ["providers.add_provider", "providers.use_credential", "providers.view_provider", "providers.add_credential"]
    variable = _credential(source="environment", variable="MINE_API_KEY", secret="")
    browser = staff(*may)
    assert "You may not name environment variables" in text_of(
        browser.post(TRIAL, _typed(browser, server.url, **variable))
    )
    assert server.received == []
    browser = staff(*may, "providers.name_variable")
    answer = browser.post(TRIAL, _typed(browser, server.url, **variable))
    assert SECRET not in answer.content.decode()
    assert SECRET.encode() in server.received[0]


def test_who_may_add_no_credentials_sends_none(server: HostileServer) -> None:
    browser = staff("providers.add_provider", "providers.use_credential", "providers.view_provider")
    browser.post(TRIAL, {**_typed(browser, server.url), **_credential()})
    (sent,) = server.received
    assert SECRET.encode() not in sent

"""A provider in tabs: an error in a part that is not shown opens it and is counted, and nothing typed is lost."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from django.test import Client

from providers import secrets
from providers.models import Credential, Provider
from tests.admin.pages import errors_of, form_of, links_of, staff, text_of

pytestmark = pytest.mark.django_db

SECRET = "sk-typed-and-not-saved-0001"
ADD = "/admin/providers/provider/add/?preset=blank"


def _open_tab(page: Any) -> str:
    found = re.search(r"""x-init="activeTab = '(\w+)'""", page.content.decode())
    return found[1] if found else "general"


def _wrong(admin_client: Client, **fields: Any) -> tuple[dict[str, Any], Any]:
    data = form_of(admin_client.get(ADD))
    data |= {"name": "mine", "dialect": "openai_chat", "base_url": "https://example.com/v1", "notes": "ours", **fields}
    return data, admin_client.post(ADD, data)


CREDENTIAL = {
    "credentials-TOTAL_FORMS": 1, "credentials-0-name": "first", "credentials-0-source": "environment",
    "credentials-0-variable": "A_API_KEY", "credentials-0-position": 0, "credentials-0-weight": 1,
    "credentials-0-requests_per_minute": 7, "credentials-0-tokens_per_minute": 0, "credentials-0-concurrent": 0,
}  # fmt: skip


def test_a_provider_has_its_parts_as_tabs(admin_client: Client) -> None:
    page = admin_client.get(ADD)
    links = links_of(page)
    assert [links[name] for name in ("Connection", "Credentials", "Advanced")] == [
        "#general",
        "#credentials",
        "#advanced",
    ]
    assert _open_tab(page) == "general"


@pytest.mark.parametrize(
    ("fields", "opened", "where"),
    [
        ({"proxy_url": "nonsense"}, "advanced", "Advanced : Proxy URL"),
        ({"idle_timeout": "0"}, "advanced", "Advanced : Idle timeout"),
        ({"name": "My Provider"}, "general", "Connection : Name"),
        ({"credentials-0-variable": "A-B"}, "credentials", "Credentials : Variable"),
        ({"transforms": "nonsense", "base_url": "example.com"}, "general", "Connection : Base URL"),
    ],
)
def test_an_error_in_a_hidden_tab_opens_it_and_says_where(
    admin_client: Client, fields: dict[str, str], opened: str, where: str
) -> None:
    _, page = _wrong(admin_client, **{**CREDENTIAL, **fields})
    assert errors_of(page).keys() == fields.keys()
    assert _open_tab(page) == opened
    assert where in text_of(page)


def test_nothing_typed_in_another_tab_is_lost(admin_client: Client) -> None:
    typed: dict[str, Any] = {
        **CREDENTIAL,
        "transforms": '[{"name": "maxtoken", "options": {"limit": 8192}}]',
        "client_fields": "top_a",
        "idle_timeout": "33.0",
        "headers-0-name": "x-title", "headers-0-value": "our gateway", "headers-0-public": "on",
        "is_local": "on",
    }  # fmt: skip
    sent, page = _wrong(admin_client, **typed, base_url="nonsense")
    assert list(errors_of(page)) == ["base_url"]
    shown = form_of(page)
    assert json.loads(shown["transforms"]) == json.loads(sent.pop("transforms"))
    assert {name: str(shown.get(name)) for name in sent} == {name: str(value) for name, value in sent.items()}
    saved = admin_client.post(ADD, {**shown, "base_url": "https://example.com/v1"})
    provider = Provider.objects.get()
    # Saving leads to the next step.
    assert links_of(admin_client.get(saved["Location"]))["add models of mine"].endswith(f"/{provider.pk}/models/")
    assert provider.transforms == [{"name": "maxtoken", "options": {"limit": 8192}}]
    assert (provider.client_fields, provider.idle_timeout, provider.notes) == (["top_a"], 33.0, "ours")
    assert provider.headers == {"x-title": "our gateway"}
    assert provider.credentials.get().requests_per_minute == 7


def _kept(page: Any) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+-kept)" value="([^"]+)"', page.content.decode()))


TYPED = {**CREDENTIAL, "credentials-0-source": "stored", "credentials-0-variable": "", "credentials-0-secret": SECRET}


def test_a_typed_secret_is_not_lost_and_not_shown(admin_client: Client) -> None:
    sent, page = _wrong(admin_client, **TYPED, base_url="nonsense")
    assert SECRET not in page.content.decode()
    kept = _kept(page)
    assert list(kept) == ["credentials-0-secret-kept"]
    again = {**sent, "credentials-0-secret": "", **kept}
    page = admin_client.post(ADD, again)
    assert list(errors_of(page)) == ["base_url"]
    again |= {**_kept(page), "base_url": "https://example.com/v1"}
    assert admin_client.post(ADD, again).status_code == 302
    assert secrets.decrypt(Credential.objects.get().ciphertext) == SECRET


def test_a_kept_secret_stops_nobody_from_choosing_a_variable(admin_client: Client) -> None:
    sent, page = _wrong(admin_client, **TYPED, base_url="nonsense")
    again = {**sent, **CREDENTIAL, **_kept(page), "base_url": "https://example.com/v1"}
    assert list(errors_of(admin_client.post(ADD, again | {"credentials-0-secret": SECRET}))) == ["credentials-0-secret"]
    assert admin_client.post(ADD, again | {"credentials-0-secret": ""}).status_code == 302
    assert Credential.objects.values_list("source", "ciphertext", "variable").get() == ("environment", "", "A_API_KEY")


def test_a_kept_secret_is_its_typists_for_an_hour(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sent, page = _wrong(admin_client, **TYPED, base_url="nonsense")
    again = {**sent, "credentials-0-secret": "", **_kept(page), "base_url": "https://example.com/v1"}
    other = staff("providers.add_provider", "providers.view_provider", "providers.add_credential")
    assert list(errors_of(other.post(ADD, again))) == ["credentials-0-secret"]
    later = time.time() + 3601
    monkeypatch.setattr(time, "time", lambda: later)
    assert list(errors_of(admin_client.post(ADD, again))) == ["credentials-0-secret"]
    assert list(errors_of(admin_client.post(ADD, again | {"credentials-0-secret-kept": "x"}))) == [
        "credentials-0-secret"
    ]
    assert not Provider.objects.exists()


def test_a_reader_sees_the_same_tabs(admin_client: Client) -> None:
    provider = Provider.objects.create(name="mine", dialect="openai_chat", base_url="https://example.com/v1")
    url = f"/admin/providers/provider/{provider.pk}/change/"
    links = links_of(staff("providers.view_provider").get(url))
    assert "Advanced" in links
    assert not any(label.startswith("Models (") for label in links)
    assert "Models (0)" in links_of(staff("providers.view_provider", "providers.view_model").get(url))

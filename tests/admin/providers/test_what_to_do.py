"""A test of a provider that fails says what to do about that failure, and not about all that there are."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from django.test import Client

from tests.admin.pages import form_of, text_of
from tests.admin.secrets.carrying import HostileServer

pytestmark = pytest.mark.django_db

TRIAL = "/admin/console/providers/trial/"
OPENAI, CLAUDE = "other-openai", "other-claude"


def _tried(browser: Client, preset: str, address: str, **more: Any) -> str:
    page = browser.get(f"/admin/providers/provider/add/?preset={preset}")
    return text_of(browser.post(TRIAL, form_of(page) | {"base_url": address, "is_local": "on", **more}))


@pytest.mark.parametrize("model", ["", "gpt-5"])
def test_a_refused_key_and_a_missing_one_have_words_of_their_own(admin_client: Client, model: str) -> None:
    with HostileServer(401) as server:
        text = _tried(admin_client, OPENAI, f"{server.url}/v1", key="sk-mistyped", trial_model=model)
        assert "heck the key for a typing mistake" in text or "check it for a typing mistake" in text
        assert "enter one" not in text
        text = _tried(admin_client, OPENAI, f"{server.url}/v1", trial_model=model)
        assert "The server wants a key: enter one." in text


@pytest.mark.parametrize("model", ["", "gpt-5"])
def test_an_address_without_its_version_is_completed(admin_client: Client, model: str) -> None:
    with HostileServer(404) as server:
        assert f"{server.url}/v1 may be meant." in _tried(admin_client, OPENAI, server.url, trial_model=model)
        assert "may be meant" not in _tried(admin_client, OPENAI, f"{server.url}/v1", trial_model=model)
        # Both of these are asked at the same address.
        assert "may be meant" not in _tried(admin_client, CLAUDE, server.url, trial_model=model)


def test_a_server_that_is_not_there_and_one_without_tls_have_words_of_their_own(admin_client: Client) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        text = _tried(admin_client, OPENAI, f"http://127.0.0.1:{port}/v1")
    assert "The provider refused the connection." in text
    assert "Check host and port of the base URL, and whether the server runs." in text
    with HostileServer() as server:
        text = _tried(admin_client, OPENAI, f"{server.url}/v1".replace("http:", "https:"))
    assert "A server without TLS has a base URL with http://." in text
    # No request was answered: there are no times to show.
    assert "First token after" not in text


def test_the_list_is_offered_where_a_model_is_entered(admin_client: Client) -> None:
    with HostileServer() as server:
        page = admin_client.get(f"/admin/providers/provider/add/?preset={OPENAI}")
        assert 'list="trial-models"' in page.content.decode()
        typed = form_of(page) | {"base_url": f"{server.url}/v1", "is_local": "on"}
        found = admin_client.post(TRIAL, typed).content.decode()
    assert '<datalist id="trial-models"><option value="m"></option></datalist>' in found


def test_the_form_says_what_its_addresses_look_like(admin_client: Client) -> None:
    page = admin_client.get(f"/admin/providers/provider/add/?preset={OPENAI}")
    assert "mostly it ends in /v1" in text_of(page)
    # Nothing is said to be filled in that is empty.
    assert "Address, dialect and the rest are filled in." not in text_of(page)
    page = admin_client.get("/admin/providers/provider/add/?preset=groq")
    assert "Address, dialect and the rest are filled in." in text_of(page)

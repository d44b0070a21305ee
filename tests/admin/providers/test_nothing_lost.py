"""What was typed into a form is there when it comes back, and a row that was added is not dropped without a word."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from access.models import Webhook
from providers import secrets
from providers.models import Credential, Model, Provider
from providers.pricing.prices import Price
from tests.admin.pages import errors_of, form_of

pytestmark = pytest.mark.django_db

ADD = "/admin/providers/provider/add/?preset=anthropic"
SECRET = "sk-typed-and-kept-sealed-0001"


def _kept(page: Any) -> dict[str, str]:
    assert SECRET not in page.content.decode()
    return dict(re.findall(r'<input type="hidden" name="([^"]+-kept)" value="([^"]+)"', page.content.decode()))


def test_a_credential_that_is_added_and_left_empty_is_an_error(admin_client: Client) -> None:
    row = {"name": "default", "source": "stored", "secret": "", "variable": "", "position": 0, "weight": 1}
    row |= dict.fromkeys(("requests_per_minute", "tokens_per_minute", "concurrent"), 0) | {"enabled": "on"}
    sent = {"credentials-TOTAL_FORMS": 1, **{f"credentials-0-{name}": value for name, value in row.items()}}
    page = admin_client.post(ADD, {**form_of(admin_client.get(ADD)), **sent})
    assert list(errors_of(page)) == ["credentials-0-secret"]
    # Taken away again, it is none.
    assert (
        admin_client.post(ADD, {**form_of(admin_client.get(ADD)), **sent, "credentials-0-DELETE": "on"}).status_code
        == 302
    )
    assert not Credential.objects.exists()


def test_prices_that_are_added_and_left_empty_are_an_error(admin_client: Client, provider: Provider) -> None:
    model = Model.objects.create(provider=provider, name="m")
    url = f"/admin/providers/model/{model.pk}/change/"
    kinds = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "per_request", "per_web_search")
    data = form_of(admin_client.get(url)) | {"prices-TOTAL_FORMS": 1} | {f"prices-0-{kind}": "" for kind in kinds}
    assert errors_of(admin_client.post(url, data))[""] == [
        "Enter a price, or remove this row: without one it says nothing."
    ]
    assert admin_client.post(url, data | {"prices-0-input": "3"}).status_code == 302
    assert Price.objects.get().input == 3


def test_a_secret_header_survives_an_error_elsewhere(admin_client: Client) -> None:
    line = {"headers-0-name": "Helicone-Auth", "headers-0-value": SECRET}
    data = form_of(admin_client.get(ADD)) | line
    page = admin_client.post(ADD, {**data, "name": "No Name"})
    assert list(errors_of(page)) == ["name"]
    kept = _kept(page)
    assert list(kept) == ["headers-0-kept"]
    page = admin_client.post(ADD, {**data, **kept, "headers-0-value": "", "name": "No Name"})
    assert admin_client.post(ADD, {**data, **_kept(page), "headers-0-value": ""}).status_code == 302
    stored = Provider.objects.get().secret_headers["Helicone-Auth"]["ciphertext"]
    assert secrets.decrypt(stored) == SECRET


def test_a_webhooks_secret_survives_an_error_elsewhere(admin_client: Client) -> None:
    add = "/admin/access/webhook/add/"
    data = form_of(admin_client.get(add)) | {"name": "pager", "secret": SECRET, "kinds": []}
    page = admin_client.post(add, {**data, "url": "http://127.0.0.1:9/"})
    assert list(errors_of(page)) == ["url"]
    sent = {**data, "secret": "", **_kept(page), "url": "https://example.com/alerts"}
    assert admin_client.post(add, sent).status_code == 302
    assert secrets.decrypt(Webhook.objects.get().ciphertext) == SECRET

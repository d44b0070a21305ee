"""This machine's own cloud identity goes to its cloud's hosts only, unless a setting lists another."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from providers.credentials.binding import why_machine_refused
from providers.models import Credential, Provider
from routing.loading.load import load_snapshot
from tests.admin.pages import text_of

pytestmark = pytest.mark.django_db

GOOD = {
    "bedrock": [
        "https://bedrock-runtime.eu-central-1.amazonaws.com",
        "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
        "https://bedrock-runtime.cn-north-1.amazonaws.com.cn",
        "https://vpce-0a1b-2c3d.bedrock-runtime.eu-central-1.vpce.amazonaws.com",
    ],
    "vertex": [
        "https://europe-west1-aiplatform.googleapis.com",
        "https://aiplatform.googleapis.com",
        "https://aiplatform.eu.rep.googleapis.com/v1",
    ],
}
BAD = {
    "bedrock": [
        "http://bedrock-runtime.eu-central-1.amazonaws.com",
        "https://bedrock-runtime.eu-central-1.evil.example.net",
        "https://bedrock-runtime.eu-central-1.amazonaws.com.evil.example.net",
        "https://ec2-198-51-100-1.eu-central-1.compute.amazonaws.com",
        "https://evil.execute-api.eu-central-1.amazonaws.com",
        "https://evil.example.net/bedrock-runtime.eu-central-1.amazonaws.com",
    ],
    "vertex": [
        "http://europe-west1-aiplatform.googleapis.com",
        "https://evil.example.net",
        "https://aiplatform.googleapis.com.evil.example.net",
        "https://evil-aiplatform.googleapis.com",
        "https://storage.googleapis.com/evil",
    ],
}


@pytest.mark.parametrize(("platform", "url"), [(name, url) for name in GOOD for url in GOOD[name]])
def test_the_clouds_own_hosts_get_it(platform: str, url: str) -> None:
    assert why_machine_refused(platform, url) == ""


@pytest.mark.parametrize(("platform", "url"), [(name, url) for name in BAD for url in BAD[name]])
def test_no_other_host_gets_it_unless_a_setting_lists_it(platform: str, url: str, settings: Any) -> None:
    assert "MACHINE_IDENTITY_HOSTS" in why_machine_refused(platform, url)
    settings.MACHINE_IDENTITY_HOSTS = [url.split("/")[2]]
    assert why_machine_refused(platform, url) == ""


@pytest.mark.parametrize("platform", ["", "azure"])
def test_who_never_uses_it_may_be_anywhere(platform: str) -> None:
    assert why_machine_refused(platform, "https://anywhere.example.net") == ""


def _vertex() -> Provider:
    options = {"project": "p", "location": "europe-west1"}
    return Provider.objects.create(
        name="g", dialect="gemini", platform="vertex", base_url="https://evil.example.net", options=options
    )


def test_such_a_provider_is_neither_called_nor_tested(admin_client: Client) -> None:
    provider = _vertex()
    assert "this machine's own identity is sent only to" in load_snapshot({}).providers[provider.pk].refusal
    page = text_of(admin_client.post(reverse("console:provider-test", args=[provider.pk]), {"other": "m"}))
    assert "The provider is not called: it has no credential, and this machine's own identity" in page


def test_an_inactive_credential_is_not_replaced_by_the_machines_identity() -> None:
    provider = _vertex()
    credential = Credential(provider=provider, name="main")
    credential.set_secret('{"type": "service_account"}')
    credential.save()
    assert load_snapshot({}).providers[provider.pk].refusal == ""
    Provider.objects.update(base_url="https://europe-west1-aiplatform.googleapis.com")
    loaded = load_snapshot({}).providers[provider.pk]
    assert loaded.credentials == ()
    assert loaded.refusal.startswith("the provider has no usable credential (main: it was entered for another address")
    Credential.objects.update(enabled=False)
    assert load_snapshot({}).providers[provider.pk].refusal == "the provider has no usable credential"

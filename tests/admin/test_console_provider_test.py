"""The Test page of a provider: who may, what it asks for, and what it shows."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from providers.models import Model, Provider
from proxysite.console.providers import pages as providers
from streaming.probe import ProbeResult
from tests.admin.pages import staff, text_of
from usage.models import RequestLog

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider() -> Provider:
    provider = Provider.objects.create(name="mine", dialect="openai_chat", base_url="https://example.com/v1")
    Model.objects.create(provider=provider, name="small")
    return provider


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """What the probe was called with; it succeeds for `small` and fails for everything else."""
    calls: list[tuple[int, str]] = []

    async def probe(provider_id: int, model_name: str) -> ProbeResult:
        calls.append((provider_id, model_name))
        if model_name == "small":
            return ProbeResult(
                ok=True,
                latency_ms=1234,
                http_status=200,
                first_token_ms=321,
                text="Hello <b>there</b>",
                input_tokens=11,
                output_tokens=5,
            )
        return ProbeResult(ok=False, latency_ms=80, http_status=401, error="Bad key.", advice="Enter the key anew.")

    monkeypatch.setattr(providers, "probe", probe)
    return calls


def _url(provider: Provider) -> str:
    return reverse("console:provider-test", args=[provider.pk])


def test_the_providers_page_leads_here(admin_client: Client, provider: Provider) -> None:
    button = f"/admin/providers/provider/{provider.pk}/test/"
    assert button in admin_client.get(reverse("admin:providers_provider_change", args=[provider.pk])).content.decode()
    assert admin_client.get(button)["Location"] == _url(provider)


def test_looking_sends_nothing(admin_client: Client, provider: Provider, asked: list[Any]) -> None:
    response = admin_client.get(_url(provider))
    assert "https://example.com/v1" in text_of(response)
    assert '<option value="small"' in response.content.decode()
    assert asked == []


def test_a_good_answer_shows_status_times_tokens_and_text(
    admin_client: Client, provider: Provider, asked: list[Any]
) -> None:
    response = admin_client.post(_url(provider), {"model": "small"})
    assert asked == [(provider.pk, "small")]
    text = text_of(response)
    assert all(word in text for word in ("It works.", "200", "1.2 s", "321 ms", "11 / 5", "Hello <b>there</b>"))
    assert "<b>there</b>" not in response.content.decode()
    assert not LogEntry.objects.exists()
    assert not RequestLog.objects.exists()


def test_an_error_comes_with_what_to_do(admin_client: Client, provider: Provider, asked: list[Any]) -> None:
    text = text_of(admin_client.post(_url(provider), {"model": "small", "other": " big "}))
    assert asked == [(provider.pk, "big")]
    assert all(word in text for word in ("Bad key.", "Enter the key anew.", "401"))
    assert "It works" not in text


@pytest.mark.parametrize(
    ("data", "message"), [({}, "Choose a model or enter"), ({"model": "strange"}, "strange is not one of")]
)
def test_without_a_model_nothing_is_sent(
    admin_client: Client, provider: Provider, asked: list[Any], data: dict[str, str], message: str
) -> None:
    assert message in text_of(admin_client.post(_url(provider), data))
    assert asked == []


def test_it_needs_a_permission_of_its_own(provider: Provider, asked: list[Any]) -> None:
    reader = staff("providers.view_provider", "providers.change_provider")
    assert reader.post(_url(provider), {"model": "small"}).status_code == 403
    page = reader.get(reverse("admin:providers_provider_change", args=[provider.pk])).content.decode()
    assert f"/{provider.pk}/test/" not in page
    assert Client().post(_url(provider), {"model": "small"}).status_code == 302
    assert asked == []
    tester = staff("providers.view_provider", "providers.use_credential")
    page = tester.get(reverse("admin:providers_provider_change", args=[provider.pk])).content.decode()
    assert f"/{provider.pk}/test" in page
    assert tester.post(_url(provider), {"model": "small"}).status_code == 200

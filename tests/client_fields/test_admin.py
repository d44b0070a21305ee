"""The provider's list and the model's ticks in the admin, and the button that allows a dropped name."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from providers.models import DroppedField, Model, Provider
from tests.admin.pages import errors_of, form_of, staff, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider() -> Provider:
    return Provider.objects.create(name="openrouter", dialect="openai_chat", base_url="https://example.com/api/v1")


def _page(provider: Provider) -> str:
    return reverse("admin:providers_provider_change", args=[provider.pk])


def _allow(provider: Provider) -> str:
    return reverse("console:provider-allow-field", args=[provider.pk])


def test_the_list_is_one_name_a_line(admin_client: Client, provider: Provider) -> None:
    data = form_of(admin_client.get(_page(provider)))
    assert (
        admin_client.post(_page(provider), {**data, "client_fields": "top_a\r\n options.num_gpu, top_a\n"}).status_code
        == 302
    )
    provider.refresh_from_db()
    assert provider.client_fields == ["top_a", "options.num_gpu"]
    page = admin_client.get(_page(provider))
    assert page.context["adminform"].form["client_fields"].value() == "top_a\noptions.num_gpu"
    assert "frequency_penalty" in text_of(page)
    # Saved as it is shown, nothing has changed.
    assert admin_client.post(_page(provider), form_of(page)).status_code == 302
    assert LogEntry.objects.latest("id").get_change_message() == "No fields changed."


@pytest.mark.parametrize(
    "name",
    [
        *("model", "MODEL", "Models", "model_id", "max_tokens", "maxOutputTokens", "max_completion_tokens", "n", "N"),
        *("stream", "stream_options", "store", "previous_response_id", "responseId", "messages", "ſtream", "top_p"),
        *("options.num_predict", "options.NumCtx", "generationConfig.max_output_tokens", "reasoning.max_tokens"),
        *("a.b.c", "top_a;", "ünknown", "x" * 65),
    ],
)
def test_what_the_gateway_sets_is_on_no_list(name: str, admin_client: Client, provider: Provider) -> None:
    data = form_of(admin_client.get(_page(provider)))
    errors = errors_of(admin_client.post(_page(provider), {**data, "client_fields": name}))
    assert list(errors) == ["client_fields"]
    admin_client.post(_allow(provider), {"name": name})
    provider.refresh_from_db()
    assert provider.client_fields == []


def test_a_dropped_name_is_allowed_with_one_click(admin_client: Client, provider: Provider) -> None:
    DroppedField.objects.create(provider=provider, name="top_a", times=12)
    DroppedField.objects.create(provider=provider, name="min_b", times=3)
    page = admin_client.get(_page(provider))
    assert "Fields dropped lately" in text_of(page)
    assert admin_client.post(_allow(provider), {"name": "top_a"}, follow=True).redirect_chain == [
        (_page(provider), 302)
    ]
    provider.refresh_from_db()
    assert provider.client_fields == ["top_a"]
    assert list(provider.dropped_fields.values_list("name", flat=True)) == ["min_b"]
    entry = LogEntry.objects.latest("id")
    assert (entry.object_id, entry.get_change_message()) == (str(provider.pk), "Changed Fields that clients may add.")
    # A second click on a page that was open all the while.
    admin_client.post(_allow(provider), {"name": "top_a"})
    provider.refresh_from_db()
    assert provider.client_fields == ["top_a"]


def test_who_may_look_sees_the_names_and_no_button(provider: Provider) -> None:
    DroppedField.objects.create(provider=provider, name="top_a", times=12)
    browser = staff("providers.view_provider")
    page = browser.get(_page(provider))
    assert "top_a" in text_of(page)
    assert _allow(provider) not in page.content.decode()
    assert browser.post(_allow(provider), {"name": "top_a"}).status_code == 403
    assert staff("providers.change_provider").get(_allow(provider)).status_code == 405
    assert "login" in Client().post(_allow(provider), {"name": "top_a"})["location"]
    provider.refresh_from_db()
    assert provider.client_fields == []


def test_a_model_says_what_its_prices_hold_for(admin_client: Client, provider: Provider) -> None:
    model = Model.objects.create(provider=provider, name="m")
    url = reverse("admin:providers_model_change", args=[model.pk])
    data = form_of(admin_client.get(url))
    assert admin_client.post(url, {**data, "priced_for": ["speed", "files"]}).status_code == 302
    model.refresh_from_db()
    assert model.priced_for == ["speed", "files"]
    assert "priced_for" in errors_of(admin_client.post(url, {**data, "priced_for": ["everything"]}))

"""What a Claude model takes, on its row in the admin."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from providers.models import Model, Provider
from tests.admin.pages import errors_of, form_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider() -> Provider:
    return Provider.objects.create(name="openrouter", dialect="openai_chat", base_url="https://example.com/api/v1")


def test_what_a_known_claude_model_takes_is_on_its_row(admin_client: Client, provider: Provider) -> None:
    model = Model.objects.create(provider=provider, name="claude-haiku-4-5")
    assert Model.objects.get(pk=model.pk).supports == {
        "thinking": ["enabled", "disabled"],
        "efforts": [],
        "sampling": "one",
        "system_messages": False,
        "max_output": 64000,
        "refused_betas": ["context-1m-"],
    }
    assert Model.objects.create(provider=provider, name="gpt-5").supports is None
    page = reverse("admin:providers_model_change", args=[model.pk])
    data = form_of(admin_client.get(page))
    assert admin_client.post(page, {**data, "supports": '{"efforts": ["low"]}'}).status_code == 302
    assert Model.objects.get(pk=model.pk).supports == {"efforts": ["low"]}
    assert admin_client.post(page, {**data, "supports": "{}"}).status_code == 302
    assert Model.objects.get(pk=model.pk).supports == {}
    assert form_of(admin_client.get(page))["supports"] == "{}"
    assert list(errors_of(admin_client.post(page, {**data, "supports": '{"efforts": ["much"]}'}))) == ["supports"]
    # Another name, or an empty area, is filled in anew.
    assert admin_client.post(page, {**data, "supports": "{}", "name": "claude-opus-5-5"}).status_code == 302
    assert Model.objects.values_list("supports__thinking", flat=True).get(pk=model.pk) == ["adaptive"]
    assert admin_client.post(page, {**data, "supports": ""}).status_code == 302
    assert Model.objects.values_list("supports__thinking", flat=True).get(pk=model.pk) == ["enabled", "disabled"]

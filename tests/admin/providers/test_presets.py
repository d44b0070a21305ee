"""A new provider is begun from a gallery: what is known is filled in, and the key is entered on the first page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from providers import secrets
from providers.models import Credential, Provider
from providers.presets.table import HOSTED, OTHER, PRESETS
from tests.admin.pages import errors_of, form_of, links_of, staff, text_of

pytestmark = pytest.mark.django_db

ADD = "/admin/providers/provider/add/"
SECRET = "sk-typed-on-the-first-page-01"


def test_the_gallery_leads_to_each_preset_and_only_who_may_add_sees_it(admin_client: Client) -> None:
    page = admin_client.get(ADD)
    links = re.findall(r'href="\?preset=([\w-]+)"', page.content.decode())
    assert set(links) == PRESETS.keys()
    for address in (f"{ADD}?preset=no-such", f"{ADD}?_changelist_filters=q%3Da&preset=no-such"):
        tile = next(url for text, url in links_of(admin_client.get(address)).items() if "OpenRouter" in text)
        assert form_of(admin_client.get(f"{ADD}{tile}"))["base_url"] == PRESETS["openrouter"].base_url
        assert ("_changelist_filters=q%3Da" in tile) is ("_changelist_filters" in address)
    assert staff("providers.view_provider").get(ADD).status_code == 403
    # The small window beside a field has no room for it.
    assert "key" in form_of(admin_client.get(f"{ADD}?_popup=1"))


@pytest.mark.parametrize("preset", [one for one in PRESETS.values() if one.dialect], ids=lambda one: one.name)
def test_a_preset_is_saved_with_what_it_asks_for(admin_client: Client, preset: Any, monkeypatch: Any) -> None:
    data = form_of(admin_client.get(f"{ADD}?preset={preset.name}")) | {"key": SECRET}
    if not preset.base_url:
        assert "base_url" in preset.asks
        data["base_url"] = "https://example.com/v1"
    saved = admin_client.post(f"{ADD}?preset={preset.name}", data)
    assert saved.status_code == 302, errors_of(saved)
    provider = Provider.objects.get()
    assert (provider.dialect, provider.platform, provider.profile) == (preset.dialect, preset.platform, preset.profile)
    assert provider.base_url == data["base_url"]
    assert provider.name == (preset.usual_name or preset.name)
    assert secrets.decrypt(Credential.objects.get(provider=provider).ciphertext) == SECRET


def test_each_preset_names_where_its_address_and_its_keys_are_from(admin_client: Client) -> None:
    for preset in PRESETS.values():
        links = links_of(admin_client.get(f"{ADD}?preset={preset.name}"))
        assert (links.get(f"Documentation of {preset.label}") or "") == preset.docs
        assert (links.get(f"Where {preset.label} makes keys") or "") == preset.keys_at
        assert preset.docs.startswith("https://") is (preset.group != OTHER), preset.name
        assert bool(preset.keys_at) is (preset.group == HOSTED), preset.name


def test_saving_goes_on_to_the_providers_models(admin_client: Client) -> None:
    data = form_of(admin_client.get(f"{ADD}?preset=openrouter")) | {"key": SECRET}
    saved = admin_client.post(f"{ADD}?preset=openrouter", {**data, "_models": ""})
    provider = Provider.objects.get()
    assert saved["Location"] == f"/admin/console/providers/{provider.pk}/models/"
    # Another one gets a name that is free; without the button, the next step is a link.
    data = form_of(admin_client.get(f"{ADD}?preset=openrouter")) | {"key": SECRET}
    saved = admin_client.post(f"{ADD}?preset=openrouter", data)
    second = Provider.objects.get(name="openrouter-2")
    assert (
        links_of(admin_client.get(saved["Location"]))["add models of openrouter-2"]
        == f"/admin/console/providers/{second.pk}/models/"
    )


def test_a_key_survives_an_error_in_another_field_unseen(admin_client: Client) -> None:
    url = f"{ADD}?preset=anthropic"
    data = form_of(admin_client.get(url)) | {"key": SECRET, "base_url": "http://127.0.0.1:9"}
    page = admin_client.post(url, data)
    assert list(errors_of(page)) == ["base_url"]
    assert SECRET not in page.content.decode()
    (kept,) = re.findall(r'name="key-kept" value="([^"]+)"', page.content.decode())
    data |= {"key": "", "key-kept": kept, "base_url": "https://api.anthropic.com"}
    assert admin_client.post(url, data).status_code == 302
    assert secrets.decrypt(Credential.objects.get().ciphertext) == SECRET


def test_what_one_preset_says_of_its_key_stays_with_it(admin_client: Client) -> None:
    hint = PRESETS["bedrock"].key_hint
    assert hint
    shown = admin_client.get(f"{ADD}?preset=bedrock").context["adminform"].form["key"].help_text
    assert shown.startswith(f"{hint} Stored encrypted")
    for other in ("_popup=1", "preset=blank", "preset=anthropic"):
        shown = admin_client.get(f"{ADD}?{other}").context["adminform"].form["key"].help_text
        assert shown.startswith("Stored encrypted"), other


def test_an_error_in_the_key_stands_beside_it(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"{ADD}?preset=anthropic"
    data = form_of(admin_client.get(url))
    assert list(errors_of(admin_client.post(url, data | {"key": "two words"}))) == ["key"]
    monkeypatch.setattr(settings, "ENCRYPTION_KEYS", [])
    assert list(errors_of(admin_client.post(url, data | {"key": SECRET}))) == ["key"]
    assert not Provider.objects.exists()


def test_who_may_add_no_credentials_is_asked_for_none(admin_client: Client) -> None:
    browser = staff("providers.add_provider", "providers.view_provider")
    url = f"{ADD}?preset=anthropic"
    data = form_of(browser.get(url))
    assert "key" not in data
    assert "API key" not in text_of(browser.get(url))
    assert browser.post(url, {**data, "key": SECRET}).status_code == 302
    assert not Credential.objects.exists()


def test_a_second_credential_on_the_page_may_have_the_usual_name(admin_client: Client) -> None:
    url = f"{ADD}?preset=anthropic"
    data = form_of(admin_client.get(url)) | {"key": SECRET, "credentials-TOTAL_FORMS": 1}
    row = {"name": "default", "source": "stored", "secret": "sk-the-second-one-0001", "position": 1, "weight": 1}
    row |= dict.fromkeys(("requests_per_minute", "tokens_per_minute", "concurrent"), 0)
    admin_client.post(url, {**data, **{f"credentials-0-{name}": value for name, value in row.items()}})
    assert set(Credential.objects.values_list("name", flat=True)) == {"default", "default-2"}

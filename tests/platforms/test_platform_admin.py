"""Platforms in the admin and in the snapshot: options checked on save, a missing extra told, secrets that are files."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django.urls import reverse

from providers import secrets
from providers.models import Credential, Model, Provider
from providers.platforms import PLATFORMS
from providers.platforms.contract import option_descriptions
from routing.loading import load, revision
from routing.models import Candidate, Route
from streaming.probe import probe
from tests.admin.pages import errors_of, form_of, text_of
from tests.harness import speak
from tests.harness.upstream import Upstream
from tests.platforms import eventstream

pytestmark = pytest.mark.django_db

ADD = "/admin/providers/provider/add/?preset=blank"
AWS = {
    "name": "aws",
    "dialect": "anthropic",
    "platform": "bedrock",
    "base_url": "https://bedrock-runtime.eu-central-1.amazonaws.com",
}


def post(admin_client: Client, **fields: Any) -> Any:
    return admin_client.post(ADD, {**form_of(admin_client.get(ADD)), **AWS, **fields})


def without_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PLATFORMS["bedrock"], "missing", lambda: "Amazon Bedrock needs a library: install it.")


def test_a_provider_on_a_platform_is_made_on_the_page(admin_client: Client) -> None:
    assert post(admin_client, options='{"role_arn": "arn:aws:iam::1:role/gateway"}').status_code == 302
    provider = Provider.objects.get()
    assert (provider.platform, provider.options) == ("bedrock", {"role_arn": "arn:aws:iam::1:role/gateway"})
    page = admin_client.get(reverse("admin:providers_provider_change", args=[provider.pk]))
    assert json.loads(form_of(page)["options"]) == provider.options


def test_the_help_lists_each_platforms_options(admin_client: Client) -> None:
    text = text_of(admin_client.get(ADD))
    for platform in PLATFORMS.values():
        assert platform.label in text
        for name, meaning in option_descriptions(platform):
            assert meaning, (platform.name, name)
            assert f"{name} ({meaning})" in text


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"options": '{"regoin": "eu"}'}, "options", "unknown field `regoin`"),
        ({"options": '{"region": "EU Central"}'}, "options", "$.region"),
        ({"options": '{"role_arn": 3}'}, "options", "$.role_arn"),
        ({"options": "[1]"}, "options", "object"),
        ({"options": '{"region"'}, "options", "in line 1, column"),
        ({"base_url": "https://gateway.example.com"}, "options", "holds no region"),
        ({"dialect": "openai_chat"}, "platform", "Amazon Bedrock supports anthropic"),
        ({"platform": "", "options": '{"region": "eu-central-1"}'}, "options", "unknown field `region`"),
    ],
)
def test_mistakes_stand_beside_the_field(admin_client: Client, fields: dict[str, str], field: str, says: str) -> None:
    errors = errors_of(post(admin_client, **fields))
    assert list(errors) == [field]
    assert says in errors[field][0]


def test_a_missing_extra_is_reported_beside_the_platform(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    without_botocore(monkeypatch)
    assert errors_of(post(admin_client)) == {"platform": ["Amazon Bedrock needs a library: install it."]}


def test_a_missing_extra_takes_its_own_candidates_away_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    route = Route.objects.create(name="claude")
    for position, fields in enumerate(
        [AWS, {"name": "direct", "dialect": "anthropic", "base_url": "https://api.anthropic.com"}]
    ):
        model = Model.objects.create(provider=Provider.objects.create(**fields), name="m")
        Candidate.objects.create(route=route, model=model, position=position)
    assert len(load.load_snapshot({}).routes["claude"].candidates) == 2
    without_botocore(monkeypatch)
    loaded = load.load_snapshot({}).routes["claude"]
    assert [candidate.provider.name for candidate in loaded.candidates] == ["direct"]
    assert loaded.dropped == (("aws: m", "Amazon Bedrock needs a library: install it."),)


def test_options_that_no_longer_fit_are_a_broken_configuration() -> None:
    Provider.objects.create(**{**AWS, "options": {"regoin": "x"}})
    with pytest.raises(load.BrokenConfiguration, match="aws cannot be used"):
        load.load_snapshot({})
    Provider.objects.update(options={}, platform="gone")
    with pytest.raises(load.BrokenConfiguration, match="no platform 'gone'"):
        load.load_snapshot({})


def test_a_secret_that_is_a_json_file_may_have_lines_and_is_kept_as_one(admin_client: Client) -> None:
    file = {"type": "service_account", "private_key": "-----BEGIN\nabc\n-----END\n", "client_email": "Ünï@x"}
    row = {"name": "default", "source": "stored", "variable": "", "position": 0, "enabled": "on"}
    row |= {"weight": 1, "requests_per_minute": 0, "tokens_per_minute": 0, "concurrent": 0}
    rows = {f"credentials-0-{name}": value for name, value in row.items()} | {"credentials-TOTAL_FORMS": 1}
    broken = {**rows, "credentials-0-secret": '{"type": "service_account",\n'}
    assert "copy the complete file" in errors_of(post(admin_client, **broken))["credentials-0-secret"][0]
    assert post(admin_client, **rows, **{"credentials-0-secret": json.dumps(file, indent=2)}).status_code == 302
    credential = Credential.objects.get()
    kept = secrets.decrypt(credential.ciphertext)
    assert json.loads(kept) == file
    assert "\n" not in kept
    assert kept.isascii()
    assert credential.last_four == ""


@pytest.mark.django_db(transaction=True)
def test_the_test_button_goes_through_the_platform(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    script = upstream.script(
        eventstream.reply(
            *eventstream.chunks(speak.claude_start(), speak.claude_text(0, "It answers"), speak.claude_end())
        )
    )
    fields = {"base_url": upstream.base_url, "is_local": True, "options": {"region": "eu-central-1"}}
    provider = Provider.objects.create(**{**AWS, **fields})
    credential = Credential(provider=provider, name="main")
    credential.set_secret("AKID:secret")
    credential.save()
    result = async_to_sync(probe)(provider.pk, script.mark)
    assert (result.ok, result.text, result.error) == (True, "It answers", "")
    assert script.wait().path == f"/model/{script.mark}/invoke-with-response-stream"
    without_botocore(monkeypatch)
    result = async_to_sync(probe)(provider.pk, script.mark)
    assert result.error == "Amazon Bedrock needs a library: install it."
    assert revision.numbers()

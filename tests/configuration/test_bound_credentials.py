"""What an import does to where credentials may be sent: it confirms those that the file mentions, and no others."""

from __future__ import annotations

import pytest

from configuration.apply.import_configuration import import_configuration
from configuration.apply.import_report import ImportReport
from configuration.file.exporting import export_text
from configuration.file.reading import read_text
from providers.models import Credential, Provider
from routing.loading.load import load_snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

SECRET = "sk-marked-0123456789abcdefWXYZ"
NEW = "https://new.example.com/v1"


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    monkeypatch.setenv("MINE_API_KEY", SECRET)
    provider = Provider.objects.create(name="mine", dialect="openai_chat", base_url="https://example.com/v1")
    stored = Credential(provider=provider, name="stored")
    stored.set_secret(SECRET)
    stored.save()
    Credential.objects.create(provider=provider, name="named", source="environment", variable="MINE_API_KEY")
    return provider


def _import(text: str) -> ImportReport:
    return import_configuration(read_text(text), write=True)


def _used(provider: Provider) -> list[str]:
    return [one.name for one in load_snapshot({}).providers[provider.pk].credentials]


def test_a_file_confirms_the_credentials_that_it_mentions(provider: Provider) -> None:
    assert _used(provider) == ["stored", "named"]
    report = _import(
        f"version: 1\nproviders: [{{name: mine, base_url: '{NEW}', credentials: ["
        "{name: stored, stored: true}, {name: named, variable: MINE_API_KEY}]}]"
    )
    assert _used(provider) == ["stored", "named"]
    assert "may be sent to: https://example.com:443/v1 → https://new.example.com:443/v1" in report.text(write=True)


def test_those_that_it_does_not_mention_are_inactive_and_reported(provider: Provider) -> None:
    report = _import(
        f"version: 1\nproviders: [{{name: mine, base_url: '{NEW}', credentials: [{{name: named, position: 4}}]}}]"
    )
    assert _used(provider) == []
    assert report.to_do == [
        "Credential mine: stored is not used: it was entered for another address: enter it again.",
        "Credential mine: named is not used: its variable was confirmed for another address: confirm it again.",
    ]


def test_an_export_brings_back_an_earlier_address_with_its_credentials(provider: Provider) -> None:
    before = export_text()
    Provider.objects.update(base_url="https://evil.example.net/v1")
    assert _used(provider) == []
    _import(before)
    assert _used(provider) == ["stored", "named"]
    assert Provider.objects.get().base_url == "https://example.com/v1"

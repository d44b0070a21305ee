"""Explain names the credentials that are not used, with the reason."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from providers.models import Credential, Provider
from tests.admin.pages import text_of
from tests.explain.questions import SECRET, request_body
from tests.harness.configure import make_model, make_provider, make_route

pytestmark = pytest.mark.django_db

REASON = "it was entered for another address: enter it again"


@pytest.fixture
def moved() -> Provider:
    """A provider whose only credential was entered for another address, with a route `mine`."""
    provider = make_provider("openai_chat", "https://there.example/v1", secret=SECRET, name="there")
    make_route([make_model(provider, name="big")], name="mine")
    Provider.objects.filter(pk=provider.pk).update(base_url="https://elsewhere.example/v1")
    provider.refresh_from_db()
    return provider


def _page(browser: Client) -> str:
    return text_of(browser.post("/admin/console/explain/", {"body": json.dumps(request_body("mine", "hello"))}))


def test_a_candidate_without_any_is_dropped_with_the_reason(admin_client: Client, moved: Provider) -> None:
    page = _page(admin_client)
    assert f"the provider has no usable credential (main: {REASON})" in page
    assert "elsewhere.example" not in page


def test_beside_another_the_inactive_one_is_named(admin_client: Client, moved: Provider, tmp_path: Path) -> None:
    spare = Credential(provider=moved, name="spare", position=1)
    spare.set_secret("sk-spare-000000000000001")
    spare.save()
    page = _page(admin_client)
    assert f"there, credential spare credential main is not used: {REASON}" in page
    out = io.StringIO()
    (tmp_path / "request.json").write_text(json.dumps(request_body("mine", "hello")))
    call_command("explain_route", "--request", str(tmp_path / "request.json"), stdout=out)
    assert f"     credential main is not used: {REASON}" in out.getvalue()
    assert SECRET not in page + out.getvalue()

"""The page of configuration files: what a file changes is seen first, and exactly that is then done."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from access import audit
from access.models import AuditEntry, Team
from configuration.apply.import_configuration import import_configuration
from configuration.file.lines import line_of
from providers import secrets
from providers.models import Credential, Model, Provider
from providers.pricing.prices import Price
from proxysite.console.configuration import pages
from routing.models import Route
from tests.permissions.site import make_rows

pytestmark = pytest.mark.django_db

FILE = """version: 1
teams:
- name: Research
providers:
- name: vendor
  dialect: openai_chat
  base_url: https://vendor.example/v1
  credentials:
  - secret: marked-secret-of-the-file
"""


def _send(browser: Client, text: str, mark: str = "", format: str = "auto") -> Any:
    file = SimpleUploadedFile("gateway.yaml", text.encode())
    return browser.post(reverse("console:configuration"), {"file": file, "mark": mark, "format": format})


def _mark(page: Any) -> str:
    found = re.search(r'name="mark" value="([0-9a-f]{64})"', page.content.decode())
    assert found is not None, page.content.decode()
    return found[1]


def test_a_file_is_looked_at_and_then_applied(admin_client: Client) -> None:
    shown = _send(admin_client, FILE)
    page = shown.content.decode()
    assert "3 to create" in page
    assert "Research" in page
    assert "https://vendor.example/v1" in page
    assert "marked-secret" not in page
    assert not Team.objects.exists()
    assert not AuditEntry.objects.filter(action="configuration imported").exists()
    done = _send(admin_client, FILE, _mark(shown)).content.decode()
    assert "3 created" in done
    assert "marked-secret" not in done
    assert secrets.decrypt(Credential.objects.get().ciphertext) == "marked-secret-of-the-file"
    assert json.loads(AuditEntry.objects.get(action="configuration imported").changes)["create"] == 3
    # Again, as a browser does that reloads the page: there is nothing left to do.
    assert "There is nothing to apply" in _send(admin_client, FILE, _mark(shown)).content.decode()


@pytest.mark.parametrize("what", ["file", "rows"])
def test_what_was_not_looked_at_is_not_done(admin_client: Client, what: str) -> None:
    mark, text = _mark(_send(admin_client, FILE)), FILE
    if what == "file":
        text = FILE.replace("https://vendor.example", "https://another.example")
    else:
        Provider.objects.create(name="vendor", dialect="anthropic", base_url="https://vendor.example/v1")
    shown = _send(admin_client, text, mark)
    assert "Nothing was written: look at the differences again" in shown.content.decode()
    assert not Team.objects.exists()
    assert not AuditEntry.objects.filter(action="configuration imported").exists()
    _send(admin_client, text, _mark(shown))
    assert Team.objects.get().name == "Research"


def test_prices_that_begin_with_the_import_are_looked_at_once(admin_client: Client) -> None:
    provider = Provider.objects.create(name="vendor", dialect="openai_chat", base_url="https://vendor.example/v1")
    over = timezone.now() - timedelta(days=1)
    model = Model.objects.create(provider=provider, name="m")
    Price.objects.create(model=model, input=2, output=9, valid_from=over - timedelta(days=9), valid_until=over)
    text = FILE + "  models:\n  - name: m\n    prices:\n    - {input: 3, output: 15}\n"
    shown = _send(admin_client, text)
    assert "from now on" in shown.content.decode()
    assert "created" in _send(admin_client, text, _mark(shown)).content.decode()
    begun = Price.objects.get(valid_until=None).valid_from
    assert begun is not None
    assert begun > over


def test_nobody_writes_between_the_look_and_the_write(
    transactional_db: None, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[str] = []
    imports: list[bool] = []

    def another() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '50ms'")
                audit.lock()
        except OperationalError as error:
            refused.append(str(error))
        finally:
            connection.close()

    def importing(parsed: Any, *, write: bool) -> Any:
        report = import_configuration(parsed, write=write)
        imports.append(write)
        thread = Thread(target=another)
        thread.start()
        thread.join()
        return report

    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer from the beginning of a transaction.")
    mark = _mark(_send(admin_client, FILE))
    monkeypatch.setattr(pages, "import_configuration", importing)
    _send(admin_client, FILE, mark)
    assert Team.objects.get().name == "Research"
    # What is applied is compared with what was looked at, and not planned once more.
    assert imports == [True]
    assert len(refused) == 1


def test_a_large_file_that_is_no_plain_json_is_refused_at_once(admin_client: Client) -> None:
    plain = json.dumps({"version": 1, "teams": [{"name": "Research", "notes": "n" * 60_000}]})
    page = _send(admin_client, plain[:-1] + ",}").content.decode()
    assert "./gateway import_config" in page
    assert "not plain JSON" in page
    assert "1 to create" in _send(admin_client, plain).content.decode()
    assert "1 to create" in _send(admin_client, '{version: 1, teams: [{name: "Research",},]}').content.decode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FILE + "routes:\n- name: fast\n  attempts: many\n", "Line 12: routes[0].attempts"),
        (FILE + "routes:\n- name: a\n- name: b\n  candidates:\n  - {model: 'nobody:m'}\n", "Line 14: routes[1]"),
        (FILE + "unknown: 1\n", "Unknown field"),
        (FILE + "teams: [\n", "in line 1"),
        ("version: 1\nversion: 1\n", "in line 2"),
        ("nothing", "not a configuration file"),
    ],
)
def test_an_error_names_the_line_and_nothing_is_written(admin_client: Client, text: str, words: str) -> None:
    page = _send(admin_client, text).content.decode()
    assert "Nothing was written." in page
    assert words in page, re.findall(r"Nothing was written[^<]*", page)
    assert not Team.objects.exists()
    assert not Provider.objects.exists()


def test_a_file_of_another_gateway_reads_no_variable_of_this_one(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMETHING", "https://marked-variable.example/v1")
    text = """model_list:
- model_name: fast
  litellm_params: {model: openai/gpt-5, api_base: os.environ/SOMETHING, api_key: os.environ/OPENAI_API_KEY}
"""
    page = _send(admin_client, text).content.decode()
    assert "LiteLLM" in page
    assert "marked-variable" not in page


def test_what_was_exported_changes_nothing(admin_client: Client) -> None:
    make_rows()
    Route.objects.filter(name="r").update(notes="kept")
    answer = admin_client.get(reverse("console:configuration-export"), {"keys": "on", "people": "on"})
    assert answer["Content-Disposition"].endswith('.yaml"')
    text = answer.content.decode()
    assert "kept" in text
    page = _send(admin_client, text).content.decode()
    assert "There is nothing to apply" in page, page
    changes = json.loads(AuditEntry.objects.get(action="configuration exported").changes)
    assert changes == {"with keys": True, "people": True}


def test_lines_of_places() -> None:
    assert line_of(FILE, "providers[0].base_url: wrong") == 7
    assert line_of(FILE, "providers[0].proxy_url: wrong") == 5
    assert line_of(FILE, "providers[7].base_url: wrong") == 4
    assert line_of(FILE, "This is no place: wrong") is None
    assert line_of('{"version": 1,\n"teams": [{"name": 5}]}', "teams[0].name: wrong") == 2
    assert line_of("[", "teams[0]: wrong") is None

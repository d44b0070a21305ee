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
from proxysite.state.jobs import imports
from proxysite.state.models import Job, JobFile
from routing.models import Route
from tests.configuration.importing import FILE, SECRET, applied, looked_at, mark_on, press, read
from tests.permissions.site import make_rows

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def test_a_file_is_looked_at_and_then_applied(admin_client: Client) -> None:
    job, page = looked_at(admin_client, FILE)
    assert job.state == "to confirm"
    assert "3 to create" in page
    assert "Research" in page
    assert "https://vendor.example/v1" in page
    assert SECRET not in page
    assert not Team.objects.exists()
    assert not AuditEntry.objects.filter(action="configuration imported").exists()
    listed = admin_client.get(reverse("console:configuration")).content.decode()
    assert f"{job}</a>: to confirm" in listed
    mark = mark_on(page)
    done = applied(admin_client, job)
    assert (job.state, job.done, job.total, job.unit) == ("done", 3, 3, "entries")
    assert "3 created" in done
    assert "Apply these changes" not in done
    assert SECRET not in done
    assert secrets.decrypt(Credential.objects.get().ciphertext) == SECRET
    entry = AuditEntry.objects.get(action="configuration imported")
    assert (json.loads(entry.changes)["create"], json.loads(entry.changes)["job"]) == (3, job.pk)
    # The button was pressed in two windows.
    assert press(admin_client, job, mark).status_code == 302
    assert "these differences are not the last ones" in read(admin_client, job)
    assert job.state == "done"
    # The same file again.
    again, nothing = looked_at(admin_client, FILE)
    assert "There is nothing to apply" in nothing
    assert again.state == "done"
    assert not JobFile.objects.exists()


def test_what_was_not_looked_at_is_not_done(admin_client: Client) -> None:
    job, page = looked_at(admin_client, FILE)
    Provider.objects.create(name="vendor", dialect="anthropic", base_url="https://vendor.example/v1")
    shown = applied(admin_client, job)
    assert "Nothing was written: look at the differences again" in shown
    assert "2 to create, 1 to change" in shown
    assert not Team.objects.exists()
    assert not AuditEntry.objects.filter(action="configuration imported").exists()
    # What was looked at before is not applied either.
    assert mark_on(shown) != mark_on(page)
    applied(admin_client, job, mark_on(page))
    assert not Team.objects.exists()
    applied(admin_client, job)
    assert job.state == "done"
    assert Team.objects.get().name == "Research"


def test_prices_that_begin_with_the_import_are_looked_at_once(admin_client: Client) -> None:
    provider = Provider.objects.create(name="vendor", dialect="openai_chat", base_url="https://vendor.example/v1")
    over = timezone.now() - timedelta(days=1)
    model = Model.objects.create(provider=provider, name="m")
    Price.objects.create(model=model, input=2, output=9, valid_from=over - timedelta(days=9), valid_until=over)
    job, shown = looked_at(admin_client, FILE + "  models:\n  - name: m\n    prices:\n    - {input: 3, output: 15}\n")
    assert "from now on" in shown
    assert "created" in applied(admin_client, job)
    begun = Price.objects.get(valid_until=None).valid_from
    assert begun is not None
    assert begun > over


def test_nobody_writes_between_the_look_and_the_write(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[str] = []
    written: list[bool] = []

    def another() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '50ms'")
                audit.lock()
        except OperationalError as error:
            refused.append(str(error))
        finally:
            connection.close()

    def importing(parsed: Any, *, write: bool, each: Any) -> Any:
        report = import_configuration(parsed, write=write, each=each)
        written.append(write)
        thread = Thread(target=another)
        thread.start()
        thread.join()
        return report

    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer from the beginning of a transaction.")
    job, _ = looked_at(admin_client, FILE)
    monkeypatch.setattr(imports, "import_configuration", importing)
    applied(admin_client, job)
    assert Team.objects.get().name == "Research"
    # What is applied is compared with what was looked at, and not planned once more.
    assert written == [True]
    assert len(refused) == 1


def test_a_large_file_that_is_no_plain_json_is_refused_at_once(admin_client: Client) -> None:
    plain = json.dumps({"version": 1, "teams": [{"name": "Research", "notes": "n" * 60_000}]})
    _, page = looked_at(admin_client, plain[:-1] + ",}")
    assert "./gateway import_config" in page
    assert "not plain JSON" in page
    assert "1 to create" in looked_at(admin_client, plain)[1]
    assert "1 to create" in looked_at(admin_client, '{version: 1, teams: [{name: "Research",},]}')[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FILE + "routes:\n- name: fast\n  attempts: many\n", "Line 12: routes[0].attempts"),
        (FILE + "routes:\n- name: a\n- name: b\n  candidates:\n  - {model: 'nobody:m'}\n", "Line 14: routes[1]"),
        (FILE + "unknown: 1\n", "Unknown field"),
        (FILE + "teams: [\n", "in line 1"),
        (FILE.replace("secret: ", 'secret: "'), "in line"),
        ("version: 1\nversion: 1\n", "in line 2"),
        ("nothing", "not a configuration file"),
    ],
)
def test_an_error_names_the_line_and_nothing_is_written(admin_client: Client, text: str, words: str) -> None:
    job, page = looked_at(admin_client, text)
    assert (job.state, job.error) == ("failed", "The file has an error. Nothing was written.")
    assert "Nothing was written." in page
    assert words in page, job.found
    assert SECRET not in page
    assert not Team.objects.exists()
    assert not Provider.objects.exists()
    assert not JobFile.objects.exists()


def test_a_file_that_cannot_be_kept_is_refused_beside_its_field(admin_client: Client, settings: Any) -> None:
    def refused(content: bytes) -> str:
        file = SimpleUploadedFile("gateway.yaml", content)
        return admin_client.post(reverse("console:configuration"), {"file": file, "format": "auto"}).content.decode()

    assert "not UTF-8 text: byte 1 is invalid" in refused(b"v\xff")
    assert "more than 2 MB" in refused(b" " * 2_000_001)
    settings.ENCRYPTION_KEYS = []
    assert "ENCRYPTION_KEYS is empty" in refused(FILE.encode())
    assert not Job.objects.exists()


def test_a_script_that_sends_the_file_is_led_to_the_job(admin_client: Client) -> None:
    file = SimpleUploadedFile("gateway.yaml", FILE.encode())
    answer = admin_client.post(
        reverse("console:configuration"), {"file": file, "format": "auto"}, headers={"HX-Request": "true"}
    )
    assert answer["HX-Redirect"] == reverse("console:job", args=[Job.objects.get().pk])


def test_a_file_of_another_gateway_reads_no_variable_of_this_one(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMETHING", "https://marked-variable.example/v1")
    text = """model_list:
- model_name: fast
  litellm_params: {model: openai/gpt-5, api_base: os.environ/SOMETHING, api_key: os.environ/OPENAI_API_KEY}
"""
    _, page = looked_at(admin_client, text)
    assert "LiteLLM" in page
    assert "marked-variable" not in page


def test_what_was_exported_changes_nothing(admin_client: Client) -> None:
    make_rows()
    Route.objects.filter(name="r").update(notes="kept")
    answer = admin_client.get(reverse("console:configuration-export"), {"keys": "on", "people": "on"})
    assert answer["Content-Disposition"].endswith('.yaml"')
    text = answer.content.decode()
    assert "kept" in text
    job, page = looked_at(admin_client, text)
    assert "There is nothing to apply" in page, re.findall(r"\d+ to \w+", page)
    assert job.state == "done"
    changes = json.loads(AuditEntry.objects.get(action="configuration exported").changes)
    assert changes == {"with keys": True, "people": True}


def test_lines_of_places() -> None:
    assert line_of(FILE, "providers[0].base_url: wrong") == 7
    assert line_of(FILE, "providers[0].proxy_url: wrong") == 5
    assert line_of(FILE, "providers[7].base_url: wrong") == 4
    assert line_of(FILE, "This is no place: wrong") is None
    assert line_of('{"version": 1,\n"teams": [{"name": 5}]}', "teams[0].name: wrong") == 2
    assert line_of("[", "teams[0]: wrong") is None

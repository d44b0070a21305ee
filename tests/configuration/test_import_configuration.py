"""The gateway's own configuration file: what an import changes, what it leaves, and the errors of invalid files."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from access.models import ClientKey, Team
from providers.models import Credential, Model, Provider
from routing.models import Candidate, Route, Rule
from tests.configuration import every_field
from tests.configuration.commands import rows, run_import

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

SMALL = """\
version: 1
providers:
- name: deepseek
  dialect: openai_chat
  base_url: https://api.deepseek.com/
  credentials: [{secret: $DEEPSEEK_API_KEY}]
  models: [{name: deepseek-chat, context_window: 64000}, {name: deepseek-reasoner}]
routes:
- name: fast
  default: true
  candidates: [{model: 'deepseek:deepseek-chat'}, {model: 'deepseek:deepseek-reasoner', weight: 2}]
"""


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "configuration.yaml"
        path.write_text(text)
        return path

    return write


def test_an_endpoints_address_is_cut_and_one_of_another_dialect_refused(
    file: Callable[[str], Path],
) -> None:
    pasted = SMALL.replace("api.deepseek.com/", "api.deepseek.com/chat/completions")
    assert "    base_url: https://api.deepseek.com\n" in run_import(file(pasted), "--write")
    # Once more, it changes nothing.
    assert "~ provider" not in run_import(file(pasted))
    other = SMALL.replace("api.deepseek.com/", "api.deepseek.com/anthropic/v1/messages")
    with pytest.raises(CommandError, match="of the dialect anthropic"):
        run_import(file(other))


def test_a_dry_run_reports_all_changes_and_writes_nothing(file: Callable[[str], Path]) -> None:
    every_field.make()
    before = rows()
    output = run_import(file(SMALL))
    assert rows() == before
    assert "+ provider deepseek\n" in output
    assert "    base_url: https://api.deepseek.com\n" in output
    assert "+ candidate fast → deepseek:deepseek-chat\n" in output
    assert "~ route claude-sonnet-5-5\n    default: yes → no\n" in output
    assert "  teams: Blue, and others, red\n" in output
    assert output.endswith("Nothing was written. Run it again with --write to apply these changes.\n")


def test_what_is_written_is_what_the_dry_run_reported(file: Callable[[str], Path]) -> None:
    every_field.make()
    announced = run_import(file(SMALL)).splitlines()[:-2]
    done = run_import(file(SMALL), "--write").splitlines()[:-1]
    assert done == announced
    assert Provider.objects.get(name="deepseek").base_url == "https://api.deepseek.com"
    assert Credential.objects.get(provider__name="deepseek").variable == "DEEPSEEK_API_KEY"
    assert [str(row) for row in Candidate.objects.filter(route__name="fast")] == [
        "fast → deepseek: deepseek-chat",
        "fast → deepseek: deepseek-reasoner",
    ]
    assert Route.objects.get(is_default=True).name == "fast"


def test_a_second_time_changes_nothing(file: Callable[[str], Path]) -> None:
    run_import(file(SMALL), "--write")
    before = rows()
    assert "0 created, 0 changed, 0 removed" in run_import(file(SMALL), "--write")
    assert rows() == before


def test_what_a_file_does_not_say_stays_as_it_is(file: Callable[[str], Path]) -> None:
    every_field.make()
    route = Route.objects.get(name="claude-sonnet-5-5")
    output = run_import(file("version: 1\nroutes: [{name: claude-sonnet-5-5, attempts: 2}]"), "--write")
    assert "    attempts: 6 → 2\n" in output
    changed = Route.objects.get(pk=route.pk)
    assert (changed.attempts, changed.sticky, changed.notes) == (2, True, "yes")
    assert changed.candidates.count() == 3


def test_a_routes_candidates_are_those_of_the_file_in_its_order(file: Callable[[str], Path]) -> None:
    run_import(file(SMALL), "--write")
    remaining = Candidate.objects.get(model__name="deepseek-reasoner")
    output = run_import(
        file("version: 1\nroutes: [{name: fast, candidates: [{model: 'deepseek:deepseek-reasoner'}]}]"), "--write"
    )
    assert "- candidate fast → deepseek:deepseek-chat\n" in output
    assert [row.pk for row in Candidate.objects.all()] == [remaining.pk]
    assert Candidate.objects.get().weight == 2


def test_a_rule_changes_its_kind_of_target(file: Callable[[str], Path]) -> None:
    run_import(file(SMALL), "--write")
    run_import(file("version: 1\nrules: [{name: r, route: fast}]"), "--write")
    run_import(file("version: 1\nrules: [{name: r, scenario: think}]"), "--write")
    rule = Rule.objects.get()
    assert (rule.route, rule.scenario) == (None, "think")


def test_a_literal_secret_is_stored_encrypted_and_never_shown(file: Callable[[str], Path]) -> None:
    text = SMALL.replace("$DEEPSEEK_API_KEY", every_field.SECRET)
    output = run_import(file(text), "--write") + run_import(file(text))
    row = Credential.objects.get()
    assert row.source == "stored"
    assert every_field.SECRET not in row.ciphertext
    assert (row.last_four, every_field.SECRET in output) == ("cdef", False)
    assert "0 to create, 0 to change" in output
    output = run_import(file(text.replace(every_field.SECRET, "sk-another-secret-0123456789")), "--write")
    assert "~ credential deepseek: default\n    secret: (not shown) → (not shown)\n" in output
    assert Credential.objects.get().last_four == "6789"


def test_a_literal_secret_needs_an_encryption_key(file: Callable[[str], Path], settings: Any) -> None:
    settings.ENCRYPTION_KEYS = []
    with pytest.raises(CommandError, match="secret: ENCRYPTION_KEYS is empty") as caught:
        run_import(file(SMALL.replace("$DEEPSEEK_API_KEY", every_field.SECRET)), "--write")
    assert every_field.SECRET not in str(caught.value)
    assert not Provider.objects.exists()


def test_a_key_that_was_revoked_since_the_export_stays_revoked(tmp_path: Path) -> None:
    every_field.make()
    path = tmp_path / "configuration.yaml"
    call_command("export_config", "--with-keys", output=str(path))
    (row,) = ClientKey.objects.filter(revoked_at=None)[:1]
    ClientKey.objects.filter(pk=row.pk).update(revoked_at=timezone.now())
    printed = run_import(path, "--write")
    assert f"Client key {row.team.name}: {row.name} is revoked here and stays so." in printed
    row.refresh_from_db()
    assert row.revoked_at is not None


def test_a_client_key_without_its_hash_can_be_changed_and_not_made(file: Callable[[str], Path]) -> None:
    every_field.make()
    output = run_import(
        file("version: 1\nteams: [{name: red, keys: [{name: CI, tags: [nightly]}, {name: new}]}]"), "--write"
    )
    assert "teams[0].keys[1]: Client key red: new has no hash in the file; create a new key in the admin." in output
    key = ClientKey.objects.get(name="CI")
    assert (key.tags, key.hash) == ("nightly", "ab" * 32)
    assert Team.objects.get(name="red").notes.startswith("first line")


WRONG = {
    "version: 2": "version: ",
    "just a text": "This is not a configuration file",
    "version: 1\nversion: 1": "Duplicate key 'version' in line 2, column 1.",
    "version: 1\nproviders: [{name: p, models: [{name: m, context_window: many}]}]": (
        "providers[0].models[0].context_window: Expected `int | null`, got `str`."
    ),
    "version: 1\nproviders: [{name: p, colour: red}]": "providers[0]: Unknown field `colour`.",
    "version: 1\nprovider: []": "Unknown field `provider`.",
    "version: 1\nroutes: [{default: true}]": "routes[0]: Required field `name` is missing.",
    "version: 1\nproviders: [{name: p, dialect: openai_chat, base_url: 'ftp://x'}]": (
        "providers[0].base_url: Start the address with https://"
    ),
    "version: 1\nproviders: [{name: p, dialect: openai_chat, base_url: 'http://localhost:1'}]": (
        "providers[0].base_url: This address is this machine or a private network"
    ),
    "version: 1\nproviders: [{name: Upper, dialect: openai_chat, base_url: 'https://a.example'}]": (
        "providers[0].name: Use lower-case letters"
    ),
    "version: 1\nproviders: [{name: deepseek, transforms: [{name: nosuch}]}]": (
        "providers[0].transforms: There is no transform 'nosuch'."
    ),
    "version: 1\nproviders: [{name: deepseek, models: [{name: m, max_output: 2, context_window: 1}]}]": (
        "providers[0].models[0].max_output: This is larger than the context window."
    ),
    "version: 1\nproviders: [{name: deepseek, credentials: [{name: new}]}]": (
        "providers[0].credentials[0]: This credential has no secret."
    ),
    "version: 1\nproviders: [{name: deepseek, credentials: [{variable: A, stored: true}]}]": "Write only one of",
    "version: 1\nproviders: [{name: deepseek}, {name: deepseek}]": "[1]: This entry is defined twice.",
    "version: 1\nroutes: [{name: r, candidates: [{model: nosuch}]}]": (
        "routes[0].candidates[0].model: Model 'nosuch' exists neither in the database nor in the file. Write "
    ),
    "version: 1\nroutes: [{name: a, default: true}, {name: b, default: true}]": "but a and b are.",
    "version: 1\nroutes: [{name: r, order: alphabetical}]": "routes[0].order: Value 'alphabetical' is not",
    "version: 1\nroutes: [{name: 'a b'}]": "routes[0].name: A route's name has no spaces.",
    "version: 1\nscenarios: [{scenario: think, route: nosuch}]": "scenarios[0].route: Route 'nosuch' exists neither",
    "version: 1\nscenarios: [{scenario: nosuch, route: fast}]": "scenarios[0].scenario: Value 'nosuch' is not",
    "version: 1\nrules: [{name: r, team: nosuch, route: fast}]": "rules[0].team: Team 'nosuch' exists neither",
    "version: 1\nrules: [{name: r}]": "rules[0]: Choose a route or a scenario, and not both.",
    "version: 1\nrules: [{name: r, route: fast, conditions: [{field: nosuch, operator: is}]}]": (
        "rules[0].conditions: There is no field 'nosuch'."
    ),
    "version: 1\nconcepts: [{name: c, route: fast, priority: 101}]": "concepts[0].priority: Ensure this value is less",
    "version: 1\nproviders: [{name: deepseek, models: [{name: m, prices: [{input: 1}, {valid_from: "
    "'2027-01-01T00:00:00Z', input: 2}]}]}]": "providers[0].models[0].prices[1].valid_from: This overlaps",
    "version: 1\nproviders: [{name: deepseek, models: [{name: m, prices: [{valid_from: 2027-01-01}]}]}]": (
        "providers[0].models[0].prices[0].valid_from: Invalid RFC3339 encoded datetime."
    ),
    "version: 1\nroutes: [{name: [}": "This is not YAML:",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_named_with_its_place_and_nothing_is_written(text: str, file: Callable[[str], Path]) -> None:
    run_import(file(SMALL), "--write")
    before = rows()
    with pytest.raises(CommandError) as caught:
        run_import(file(text), "--write")
    assert WRONG[text] in str(caught.value)
    assert str(caught.value).startswith("Nothing was written. ")
    assert rows() == before


def test_files_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        run_import(tmp_path / "nosuch.yaml")
    (tmp_path / "binary").write_bytes(b"version: 1\n\xff\xfe")
    with pytest.raises(CommandError, match="not UTF-8 text: byte 11"):
        run_import(tmp_path / "binary")


def test_one_price_follows_another(file: Callable[[str], Path]) -> None:
    run_import(file(SMALL), "--write")
    prices = "version: 1\nproviders: [{{name: deepseek, models: [{{name: deepseek-chat, prices: [{}]}}]}}]"
    run_import(file(prices.format("{input: 1, output: 2}")), "--write")
    moment = "'2027-01-01T00:00:00Z'"
    output = run_import(
        file(prices.format(f"{{valid_until: {moment}, input: 1, output: 2}}, {{valid_from: {moment}, input: 0.5}}")),
        "--write",
    )
    assert "    valid_until: none → 2027-01-01T00:00:00+00:00\n" in output
    assert Model.objects.get(name="deepseek-chat").prices.count() == 2
    output = run_import(file(prices.format("{input: 1, output: 2}")), "--write")
    assert "- price deepseek: deepseek-chat, prices from 2027-01-01 00:00\n" in output
    assert Model.objects.get(name="deepseek-chat").prices.get().valid_until is None


def test_export_writes_a_file_that_only_its_owner_can_read(tmp_path: Path) -> None:
    every_field.make()
    out, path = io.StringIO(), tmp_path / "out.yaml"
    call_command("export_config", stdout=out)
    call_command("export_config", output=str(path), stderr=io.StringIO())
    assert path.read_text() == out.getvalue()
    assert path.stat().st_mode & 0o777 == 0o600
    assert "hash:" not in out.getvalue()
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_config", output=str(tmp_path / "no" / "such" / "folder"))
    out = io.StringIO()
    call_command("export_config", with_keys=True, people=True, stdout=out)
    assert f"hash: {'ab' * 32}" in out.getvalue()

"""A database of an earlier version, migrated: every row reads as it did, and what hangs on the rows still works."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client

from access.keys import KeyRecord, NotAuthenticated, caller
from access.models import ClientKey
from providers.credentials.binding import destination_of, why_inactive
from providers.models import Credential, Model
from routing.health import Health, circuit
from routing.health.sharing import Sharing
from routing.loading.load import load_snapshot
from routing.loading.revision import numbers
from routing.models import Route
from tests.earlier.restored import VARIABLES, command, count, expected, rows

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("earlier")]

_GROWING = {"auth.Permission", "contenttypes.ContentType"}
"""Tables that get rows with each new model."""
_QUESTIONS = sorted(json.loads((Path(__file__).parent / "files" / "expected.json").read_text())["explained"])


_ENDED = {"sessions.Session"}
"""Sessions were stored under what their cookies hold, so the upgrade ends them."""


def _everything_reads_as_it_did() -> None:
    for label in _ENDED:
        assert count(label) == 0, label
    for label, earlier in expected()["rows"].items():
        if label in _ENDED:
            continue
        found = rows(label, earlier)
        if label == "routing.Revision":
            # They count writes, and a migration may write rows.
            assert all(now["number"] >= before["number"] for now, before in zip(found, earlier, strict=True))
            found = [{**now, "number": before["number"]} for now, before in zip(found, earlier, strict=True)]
        assert found == earlier, label
        assert label in _GROWING or count(label) == len(earlier), label


def test_every_field_of_every_row_reads_as_it_did() -> None:
    _everything_reads_as_it_did()


def test_people_may_do_what_they_might() -> None:
    for name, permissions in expected()["permissions"].items():
        user = User.objects.get(username=name)
        assert [one for one in permissions if not user.has_perm(one)] == [], name
        assert user.is_superuser or user.get_all_permissions() == set(permissions), name
    for content_type in expected()["rows"]["contenttypes.ContentType"]:
        assert apps.get_model(content_type["app_label"], content_type["model"])
    assert User.objects.get(username="reader").check_password("the password of reader")


def test_the_admin_has_every_page_where_it_was_for_who_might_see_it() -> None:
    browser = Client(headers={"host": "127.0.0.1"})
    browser.force_login(User.objects.get(username="reader"))
    earlier = expected()["pages"]
    # A page that has moved leads to where it is now.
    assert {address: browser.get(address, follow=True).status_code for address in earlier} == earlier


def test_keys_are_let_in_as_they_were() -> None:
    # The secrets are made up and have no format that any version gave them.
    ClientKey.objects.update(imported_from="a test")
    keys = load_snapshot({}).keys
    answers: dict[str, Any] = {}
    for secret in expected()["loaded"]["keys"]:
        key = caller({"x-api-key": secret}, keys, time.time())
        if isinstance(key, KeyRecord):
            answers[secret] = [key.id, key.name, key.team_name, list(key.tags), key.shows_routing]
        else:
            answers[secret] = "not authenticated" if isinstance(key, NotAuthenticated) else "not permitted"
    assert answers == expected()["loaded"]["keys"]


def test_credentials_are_decrypted_and_routes_are_loaded() -> None:
    snapshot = load_snapshot({})
    loaded = expected()["loaded"]
    assert loaded["secrets"] == {
        provider.name: [[one.name, one.secret.reveal()] for one in provider.credentials]
        for provider in snapshot.providers.values()
    }
    assert loaded["routes"] == {name: [one.name for one in route.candidates] for name, route in snapshot.routes.items()}
    assert snapshot.default_route is not None
    assert loaded["default"] == snapshot.default_route.name


def test_each_credential_is_bound_to_where_it_was_sent() -> None:
    for credential in Credential.objects.select_related("provider"):
        assert why_inactive(credential, destination_of(credential.provider)) == "", credential
    kept = Credential.objects.exclude(kept_variable="")
    assert {one.variable for one in kept} == {one.kept_variable for one in kept} == set(VARIABLES)


def test_who_was_cooling_down_still_is() -> None:
    class Loop:
        def call_soon_threadsafe(self, call: Any, *arguments: Any) -> None:
            call(*arguments)

        def is_closed(self) -> bool:
            return False

    health, snapshot = Health(), load_snapshot({})
    sharing = Sharing(health)
    sharing._loop = Loop()  # type: ignore[assignment]
    sharing.turn(changed=True, certain=True)
    cooling = sorted(one.name for one in snapshot.candidates.values() if health.cooling(one) is not None)
    assert cooling == expected()["loaded"]["cooling"]


def test_circuits_have_the_names_that_workers_of_the_earlier_version_know() -> None:
    model = Model.objects.get(name="vendor/large:beta")
    credential = Credential.objects.get(name="first")
    gemini, ollama = (Model.objects.get(name=f"small-{name}") for name in ("gemini", "ollama"))
    assert {row["key"] for row in expected()["rows"]["routing.HealthState"]} == {
        circuit.provider_key(gemini.provider_id),
        circuit.candidate_key(ollama.provider_id, ollama.pk),
        circuit.credential_key(credential.pk),
        circuit.pair_key(credential.pk, model.pk),
    }


def test_a_write_is_still_noticed() -> None:
    before = numbers()
    Route.objects.filter(name="plain").update(notes="another")
    assert numbers()["routing"] > before["routing"]


_CHANGED = {"forbidden": {"refusal": [404, "not_found_error"]}}
"""What is answered differently on purpose since then."""


@pytest.mark.parametrize("question", _QUESTIONS)
def test_requests_are_routed_and_sent_as_they_were(question: str, tmp_path: Path) -> None:
    asked = expected()["explained"][question]
    options = list(asked["options"])
    if asked["body"] is not None:
        (tmp_path / "body.json").write_text(json.dumps(asked["body"]))
        options += ["--request", str(tmp_path / "body.json")]
    wanted = {**asked["answer"], **_CHANGED.get(question, {})}
    assert _for_machines(json.loads(command("explain_route", *options, "--json"))) == wanted


def _for_machines(answer: dict[str, Any]) -> dict[str, Any]:
    """An explanation without its sentences, which may change."""
    refusal = answer["refusal"]
    names = ("provider", "model", "dialect", "platform", "credential", "is_demo", "cost")
    upstream = ("method", "url", "headers", "body", "size")
    return {
        **{name: answer[name] for name in ("key", "team", "route", "phase", "rule", "scenario", "spare")},
        "refusal": None if refusal is None else [refusal["status"], refusal["type"]],
        "attempts": [
            {name: one[name] for name in names}
            | {name: one["upstream"] and one["upstream"][name] for name in upstream}
            | {"fidelity": one["upstream"] and [code for code, _ in one["upstream"]["fidelity"]]}
            for one in answer["attempts"]
        ],
        "dropped": [[lost["candidate"], lost["code"]] for lost in answer["dropped"]],
        "chose": [verdict["phase"] for verdict in answer["verdicts"] if verdict["chose"]],
    }


def test_the_configuration_is_exported_as_it_was() -> None:
    assert yaml.safe_load(command("export_config", "--with-keys")) == yaml.safe_load(expected()["exported"])


def test_an_export_of_the_earlier_version_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "exported.yaml").write_text(expected()["exported"])
    command("import_config", str(tmp_path / "exported.yaml"))
    _everything_reads_as_it_did()

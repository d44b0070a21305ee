"""The OpenAPI document: it is the one in docs, and every answer is what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from access.models import Team
from proxysite.report_api.api import document
from proxysite.report_api.errors import CODES
from tests.report_api.conftest import MARCH, ROOT, Ask, asking
from tests.report_api.openapi import faults
from tests.report_api.test_statements import closed as closed
from usage.statements.models import Statement

FILE = Path(__file__).resolve().parent.parent.parent / "docs" / "report-api.openapi.json"


def test_the_document_in_docs_is_that_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("report_api_document")
    assert FILE.read_text() == capsys.readouterr().out, "./gateway report_api_document > docs/report-api.openapi.json"


@pytest.mark.django_db
def test_it_is_served_to_everybody() -> None:
    answer = Client().get(f"{ROOT}openapi.json")
    assert answer.json() == json.loads(FILE.read_text())


@pytest.mark.django_db
def test_every_answer_is_what_the_document_says(
    ask: Ask, ask_blue: Ask, teams: tuple[Team, Team], closed: tuple[Statement, Statement]
) -> None:
    known = json.loads(FILE.read_text())
    seen = set()
    for path, answer in _answers(ask, ask_blue, teams):
        described = known["paths"][ROOT + path]["get"]["responses"][str(answer.status_code)]
        schema = described["content"]["application/json"]["schema"]
        assert list(faults(answer.json(), schema, known)) == [], (path, answer.status_code)
        seen.add((path, str(answer.status_code)))
    documented = {
        (path.removeprefix(ROOT), status)
        for path, calls in known["paths"].items()
        for status in calls["get"]["responses"]
    }
    assert seen == documented


def _answers(ask: Ask, ask_blue: Ask, teams: tuple[Team, Team]) -> Any:
    one = "statements/{number}"
    for path, real in (
        ("usage", "usage"),
        ("metrics",) * 2,
        ("groups",) * 2,
        ("statements",) * 2,
        ("me",) * 2,
        (one, "statements/1"),
    ):
        yield path, ask(real)
        yield path, ask(f"{real}?nonsense=1")
        yield path, asking(None)(real)
    for metric in ("cost", "requests", "error_rate", "duration_p95", "tokens"):
        yield "usage", ask(f"usage?from=2026-03-01&to=2026-03-20&metric={metric}&group=team&subgroup=model&limit=5")
    yield "usage", ask_blue(f"usage?{MARCH}&team={teams[1].pk}")
    yield "statements", ask_blue(f"statements?team={teams[1].pk}")
    yield one, ask_blue("statements/2")
    yield one, ask("statements/2")
    yield one, ask("statements/99")
    yield "me", ask_blue("me")


def test_the_document_has_what_tools_look_for() -> None:
    known: Any = document()
    assert known["components"]["securitySchemes"]["BearerToken"]["scheme"] == "bearer"
    calls = list(known["paths"].values())
    assert [list(one) for one in calls] == [["get"]] * len(calls)
    assert len({one["get"]["operationId"] for one in calls}) == len(calls)
    assert all(one["get"]["security"] == [{"BearerToken": []}] for one in calls)
    assert known["components"]["schemas"]["ErrorDetail"]["properties"]["code"]["enum"] == list(CODES)

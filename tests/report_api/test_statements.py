"""The calls about statements: closed ones alone, with lines that add up, of the token's team."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from access.models import Team
from tests.report_api.conftest import Ask
from usage.statements.closing import close
from usage.statements.models import ExchangeRate, Statement

pytestmark = pytest.mark.django_db


@pytest.fixture
def closed(teams: tuple[Team, Team]) -> tuple[Statement, Statement]:
    """March of both teams, with a second currency."""
    ExchangeRate.objects.create(month=date(2026, 3, 1), currency="EUR", rate=Decimal("0.92"))
    blue, red = (next(close(team.pk, date(2026, 3, 1))) for team in teams)
    return blue, red


def test_the_list_and_one_with_its_lines(ask: Ask, closed: tuple[Statement, Statement]) -> None:
    found = ask("statements").json()
    assert ([one["number"] for one in found["statements"]], found["next"]) == ([1, 2], None)
    blue = ask("statements/1").json()
    assert {name: value for name, value in blue.items() if name != "lines"} == found["statements"][0]
    assert (blue["team"], blue["month"], blue["unit"]) == ("Blue", "2026-03", "USD")
    assert (blue["from"], blue["to"]) == ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z")
    assert (blue["total"], blue["currency"], blue["converted"]) == ("2.500000000001", "EUR", "2.30")
    assert Decimal(blue["rate"]) == Decimal("0.92")
    assert sum(Decimal(line["cost"]) for line in blue["lines"]) == Decimal(blue["total"])
    assert [(line["model"], line["requests"]) for line in blue["lines"]] == [("haiku", 1), ("opus", 1)]
    red = ask("statements/2").json()
    (own,) = [line for line in red["lines"] if line["model"] == "own"]
    assert (own["cost"], own["input_tokens"], own["unpriced"]) == (None, None, 1)


def test_statements_are_narrowed_and_paged(ask: Ask, closed: tuple[Statement, Statement]) -> None:
    def numbers(query: str) -> tuple[list[int], int | None]:
        found = ask(f"statements?{query}").json()
        return [one["number"] for one in found["statements"]], found["next"]

    assert numbers("limit=1") == ([1], 1)
    assert numbers("limit=1&after=1") == ([2], None)
    assert numbers("month=2026-03") == ([1, 2], None)
    assert numbers("month=2026-02") == ([], None)
    assert numbers(f"team={closed[1].team_id}") == ([2], None)


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("statements?month=March", 400, "month: Write a month such as 2026-10."),
        ("statements?limit=0", 400, "limit: Input should be greater than or equal to 1"),
        ("statements?team=blue", 400, "team: Input should be a valid integer"),
        ("statements?monht=2026-03", 400, "There is no parameter 'monht'. Choose from month, team, after, limit."),
        ("statements/7", 404, "There is no statement 7."),
        ("statements/99999999999999999999", 404, "There is no statement 99999999999999999999."),
        ("statements/1?format=csv", 400, "This call takes none."),
    ],
)
def test_what_is_wrong_says_what_to_write(
    path: str, status: int, says: str, ask: Ask, closed: tuple[Statement, Statement]
) -> None:
    answer = ask(path)
    assert (answer.status_code, says in answer.json()["error"]["message"]) == (status, True), answer.json()


def test_a_token_of_a_team_reads_that_team_alone(ask_blue: Ask, closed: tuple[Statement, Statement]) -> None:
    _, red = closed
    assert [one["team"] for one in ask_blue("statements").json()["statements"]] == ["Blue"]
    assert ask_blue("statements/1").json()["team"] == "Blue"
    for other in ("statements/2", f"statements?team={red.team_id}"):
        answer = ask_blue(other)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "other_team")
        assert "Red" not in answer.content.decode()


def test_a_month_that_is_open_is_not_there(ask: Ask, teams: tuple[Team, Team]) -> None:
    assert ask("statements").json() == {"statements": [], "next": None}

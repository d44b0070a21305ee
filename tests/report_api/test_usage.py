"""The call `usage`: the figures of the explorer, every line, exact, as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from access.models import Team
from tests.admin.history import at, attempt_row, request_row
from tests.report_api.conftest import MARCH, Ask, spend
from usage.reports.explore.metrics import METRICS

pytestmark = pytest.mark.django_db


def _lines(answer: Any) -> list[tuple[Any, ...]]:
    assert answer.status_code == 200, answer.content
    return [(*line["names"].values(), line["requests"], line["total"]) for line in answer.json()["lines"]]


def test_lines_are_exact_and_lead_to_themselves(ask: Ask, teams: tuple[Team, Team]) -> None:
    found = ask(f"usage?{MARCH}&group=team&bucket=month").json()
    assert (found["metric"], found["unit"], found["time_zone"]) == ("cost", "USD", "UTC")
    assert (found["from"], found["to"]) == ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z")
    assert found["buckets"] == ["2026-03-01T00:00:00Z"]
    blue, red = found["lines"]
    assert blue == {
        "names": {"team": "Blue"}, "filters": {"team": str(teams[0].pk)}, "requests": 2,
        "total": "2.500000000001", "values": ["2.500000000001"],
    }  # fmt: skip
    assert (red["total"], red["requests"]) == ("1.000000000000", 2)
    assert (found["whole"]["total"], found["others"], found["unpriced"]) == ("3.500000000001", None, 1)
    (narrowed,) = _lines(ask(f"usage?{MARCH}&group=&team={blue['filters']['team']}"))
    assert narrowed == (2, "2.500000000001")


def test_every_line_is_there_unless_a_limit_is_sent(ask: Ask) -> None:
    for number in range(12):
        spend("1", model_name=f"m{number}")
    found = ask(f"usage?{MARCH}&group=model").json()
    assert (len(found["lines"]), found["others"]) == (12, None)
    limited = ask(f"usage?{MARCH}&group=model&limit=10&bucket=total").json()
    assert (len(limited["lines"]), limited["others"]) == (10, {"requests": 2, "total": "2.000000000000", "values": []})


def test_what_is_unknown_is_null(ask: Ask) -> None:
    spend(None, model_name="own")
    found = ask(f"usage?{MARCH}&bucket=month").json()
    assert (found["lines"][0]["total"], found["lines"][0]["values"], found["unpriced"]) == (None, [None], 1)
    assert ask(f"usage?{MARCH}&metric=tokens&bucket=total").json()["whole"]["total"] is None
    assert ask(f"usage?{MARCH}&metric=requests&bucket=total").json()["whole"]["total"] == 1


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("by", ["group=team&subgroup=model", "group=outcome", "group="])
def test_figures_are_those_of_the_explorer(
    metric: str, by: str, ask: Ask, teams: tuple[Team, Team], admin_client: Client
) -> None:
    query = f"from=2026-03-01&to=2026-03-10&metric={metric}&{by}&limit=10"
    explorer = json.loads(admin_client.get(f"/admin/console/explorer.json?{query}").content)
    found = ask(f"usage?{query}").json()
    by_name = {tuple((line["names"] or {}).values()): line for line in explorer["lines"]}
    assert len(found["lines"]) == len(explorer["lines"])
    for line in found["lines"]:
        theirs = by_name[tuple(line["names"].values())]
        assert (line["requests"], line["total"], line["values"]) == (
            theirs["requests"], theirs["total"], theirs["values"],
        )  # fmt: skip
    assert found["whole"]["total"] == explorer["whole"]["total"]
    assert found["unpriced"] == explorer["unpriced"]


def test_csv_has_a_row_for_each_line_and_bucket(ask: Ask, teams: tuple[Team, Team]) -> None:
    spend("9", team_id=None, team_name="", model_name="=1+1")
    answer = ask("usage?from=2026-03-05&to=2026-03-06&group=team&subgroup=model&bucket=day&format=csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    header, *rows = csv.reader(io.StringIO(b"".join(answer).decode()))
    assert header == ["team", "team_id", "model", "start", "cost"]
    blue = str(teams[0].pk)
    fifth, sixth = "2026-03-05T00:00:00+00:00", "2026-03-06T00:00:00+00:00"
    assert rows[:4] == [
        ["(no team)", "", "'=1+1", fifth, "9.000000000000"],
        ["(no team)", "", "'=1+1", sixth, ""],
        ["Blue", blue, "opus", fifth, "2.500000000000"],
        ["Blue", blue, "opus", sixth, ""],
    ]
    assert len(rows) == 2 * 5
    total = ask("usage?from=2026-03-05&to=2026-03-06&group=&bucket=total&format=csv")
    assert list(csv.reader(io.StringIO(b"".join(total).decode()))) == [["start", "cost"], [fifth, "12.500000000001"]]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("metirc=cost", "There is no parameter 'metirc'. Choose from range, from, to, metric"),
        ("metric=beauty", "There is no metric 'beauty'. Choose one of cost,"),
        ("format=xml", "format is one of json, csv."),
        ("cumulative=true", "cumulative is 0 or 1."),
        ("from=yesterday", "Write a day such as"),
        ("from=2015-01-01&bucket=month", "At most five years are shown"),
        ("limit=7", "limit is one of"),
        ("team=blue", "team is the number of a team"),
    ],
)
def test_what_is_wrong_says_what_to_write(query: str, says: str, ask: Ask) -> None:
    answer = ask(f"usage?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
    assert says in answer.json()["error"]["message"]


def test_a_token_of_a_team_reads_that_team_alone(ask_blue: Ask, teams: tuple[Team, Team]) -> None:
    blue, red = teams
    everything = [("Blue", 2, "2.500000000001")]
    assert _lines(ask_blue(f"usage?{MARCH}&group=team&bucket=total")) == everything
    assert _lines(ask_blue(f"usage?{MARCH}&group=team&team={blue.pk}&bucket=total")) == everything
    assert ask_blue(f"usage?{MARCH}&group=&bucket=total").json()["whole"]["requests"] == 2
    rows = b"".join(ask_blue(f"usage?{MARCH}&group=team&bucket=total&format=csv")).decode()
    assert "Red" not in rows
    refused = ask_blue(f"usage?{MARCH}&group=credential")
    assert (refused.status_code, "for all teams together" in refused.json()["error"]["message"]) == (400, True)
    for other in (f"team={red.pk}", f"team={blue.pk}&team={red.pk}", "team=(none)"):
        answer = ask_blue(f"usage?{MARCH}&{other}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "other_team")
        assert f"reads the team Blue alone, which has the id {blue.pk}" in answer.json()["error"]["message"]


def test_credentials_are_of_attempts_on_days_of_utc(ask: Ask, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    attempt_row(request_row(), started_at=at("2026-03-31 23:59"), credential_id=4, credential_name="main", cost=1)
    found = ask(f"usage?{MARCH}&group=credential&bucket=month").json()
    assert (found["counts"], found["time_zone"]) == ("attempts", "UTC")
    assert (found["from"], found["to"]) == ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z")
    assert found["buckets"] == ["2026-03-01T00:00:00Z"]
    (line,) = found["lines"]
    assert (line["filters"], line["requests"], line["total"]) == ({"credential": "4"}, 1, "0.000000000001")

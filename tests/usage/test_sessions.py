"""The list of sessions and the page of one: lanes, the cost as it grew, changes of the model, failures."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.admin.history import request_row
from tests.admin.pages import links_of, staff, text_of
from usage.models import RequestLog
from usage.money import to_pico
from usage.reports import sessions
from usage.rollups.models import SessionSummary

pytestmark = pytest.mark.django_db

LIST = "/admin/console/sessions/"


def _turn(minutes_ago: int, session_id: str = "s1", **fields: Any) -> UUID:
    at = timezone.now() - timedelta(minutes=minutes_ago)
    values = {"team_id": 1, "team_name": "Blue", "key_id": 1, "key_name": "laptop", "model_name": "opus", **fields}
    return request_row(started_at=at, session_id=session_id, duration_ms=1000, **values)


def _page(session_id: str = "s1") -> str:
    return reverse("console:session", args=[SessionSummary.objects.get(session_id=session_id).pk])


def test_a_request_leads_to_its_session(admin_client: Client) -> None:
    row = _turn(1)
    links = links_of(admin_client.get(reverse("admin:usage_requestlog_change", args=[row])))
    assert links["Session"] == links["s1"] == _page()
    assert sessions.id_of(RequestLog.objects.get(pk=row)) == SessionSummary.objects.get().pk


def test_a_session_shows_its_agents_its_cost_its_models_and_its_failures(admin_client: Client) -> None:
    _turn(30, cost=to_pico(Decimal(1)))
    _turn(20, cost=to_pico(Decimal(2)), agent_id="a1", agent_type="Explore", model_name="haiku")
    _turn(10, outcome="refused", model_name="", error_message="The budget is used up.")
    _turn(5, cost=to_pico(Decimal(4)), model_name="sonnet", phase="rules", rule="long")
    _turn(5, key_id=2, cost=to_pico(Decimal(9)))
    first = SessionSummary.objects.get(session_id="s1", key_id=1)
    page = admin_client.get(reverse("console:session", args=[first.pk]))
    assert 'title="haiku, 1.0 s, $2.00"' in page.content.decode()
    text = text_of(page)
    assert "4 requests of 2 agents over 25 min 00 s, 1 of them failed or refused; $7.00." in text
    assert "Main 3 requests" in text
    assert "Explore 1 request" in text
    assert "opus → sonnet rules: long" in text
    assert "→ haiku" not in text.split("Changes of the model")[1].split("Failed and refused")[0]
    assert "Refused , The budget is used up." in text
    assert text.index("$1.00 $1.00") < text.index("$2.00 $3.00") < text.index("$4.00 $7.00")


def test_a_session_without_a_known_cost_has_none_so_far(admin_client: Client) -> None:
    _turn(20)
    _turn(10, cost=to_pico(Decimal(2)))
    _turn(5)
    turns = sessions.session(SessionSummary.objects.get()).turns
    assert [turn.cost for turn in turns] == [None, Decimal(2), Decimal(2)]
    text = text_of(admin_client.get(_page()))
    assert "$0.00" not in text
    _turn(5, "free")
    assert "$0.00" not in text_of(admin_client.get(_page("free")))


def test_a_long_session_shows_its_newest_turns_from_one_query(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST_TURNS", 3)
    for minutes in range(5, 0, -1):
        _turn(minutes, model_name=f"m{minutes}")
    with CaptureQueriesContext(connection) as captured:
        text = text_of(admin_client.get(_page()))
    assert "The newest 3 requests of 5 are shown." in text
    assert "m3" in text
    assert "m4" not in text
    assert len([query for query in captured.captured_queries if 'FROM "usage_requestlog"' in query["sql"]]) == 1


def test_the_list_has_pages_without_an_offset_and_loses_nobody(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxysite.console.sessions.PER_PAGE", 2)
    at = timezone.now() - timedelta(minutes=3)
    for number in range(5):
        # Several end in the same moment.
        request_row(started_at=at, session_id=f"s{number}", team_id=1, key_id=1)
    found: list[str] = []
    url = LIST
    with CaptureQueriesContext(connection) as captured:
        while url:
            response = admin_client.get(url)
            found += [row.session_id for row in response.context["rows"]]
            older = links_of(response).get("Older sessions", "")
            url = f"{LIST}{older}" if older else ""
    assert sorted(found) == [f"s{number}" for number in range(5)]
    sql = " ".join(query["sql"] for query in captured.captured_queries)
    assert "OFFSET" not in sql
    assert "COUNT(" not in sql.upper()


def test_the_list_is_of_a_range(admin_client: Client) -> None:
    _turn(1)
    _turn(60 * 48, "long-ago")
    assert "long-ago" not in text_of(admin_client.get(LIST))
    assert "long-ago" in text_of(admin_client.get(f"{LIST}?range=7d"))
    wrong = admin_client.get(f"{LIST}?from=yesterday")
    assert wrong.status_code == 400
    assert "Write a day such as" in text_of(wrong)
    assert admin_client.get(f"{LIST}?before=nonsense").status_code == 200


def test_a_session_whose_rows_are_pruned_says_so(admin_client: Client) -> None:
    _turn(1)
    RequestLog.objects.all().delete()
    assert "The requests of this session have been pruned" in text_of(admin_client.get(_page()))


def test_who_may_not_see_requests_sees_no_session() -> None:
    _turn(1)
    assert staff("access.view_team").get(LIST).status_code == 403
    assert staff("access.view_team").get(_page()).status_code == 403
    assert staff("usage.view_requestlog").get(_page()).status_code == 200


def test_a_session_that_does_not_exist_is_not_found(admin_client: Client) -> None:
    assert admin_client.get(reverse("console:session", args=[UUID(int=0)])).status_code == 404

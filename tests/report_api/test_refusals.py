"""Who is refused, how, and at which cost: errors in one shape, no cookie, no secret in a log."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from access.key_format import new_secret
from access.models import AuditEntry, ReportToken, Team
from access.report_tokens.tokens import PREFIX
from proxysite.report_api import api
from tests.report_api.conftest import ROOT, Ask, asking
from tests.report_api.test_tokens import made

pytestmark = pytest.mark.django_db

CALLS = ("usage", "metrics", "groups", "statements", "statements/1", "me")


def _error(answer: Any, status: int) -> tuple[str, str]:
    """The code and the message of an error in the one shape."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/json"
    (body,) = answer.json().values()
    assert set(body) == {"code", "message"}
    return body["code"], body["message"]


@pytest.mark.parametrize("path", CALLS)
def test_nobody_reads_without_a_token(path: str, admin_client: Client) -> None:
    for browser in (Client(), admin_client):
        answer = browser.get(ROOT + path)
        assert answer["WWW-Authenticate"] == "Bearer"
        code, message = _error(answer, 401)
        assert (code, "Send a report token in the header `Authorization: Bearer rpt-" in message) == (
            "token_missing", True,
        )  # fmt: skip


@pytest.mark.parametrize("sent", ["Basic bWU6bWU=", "Bearer", "Bearer a b", "rpt-alone"])
def test_another_kind_of_header_is_no_token(sent: str, caplog: Any, settings: Any) -> None:
    settings.DEBUG = True
    answer = Client().get(f"{ROOT}me", headers={"authorization": sent})
    assert _error(answer, 401)[0] == "token_missing"
    assert sent not in caplog.text


def test_each_kind_of_ended_token_has_its_code() -> None:
    ended = {
        "token_disabled": made(name="1", enabled=False)[0],
        "token_expired": made(name="2", expires_at=timezone.now() - timedelta(days=1))[0],
        "token_unknown": new_secret(PREFIX),
    }
    assert {code: _error(asking(secret)("me"), 401)[0] for code, secret in ended.items()} == {
        code: code for code in ended
    }


def test_a_token_ends_when_it_is_disabled_deleted_or_its_team_is() -> None:
    team = Team.objects.create(name="Blue")
    secret, _ = made(team=team)
    ask = asking(secret)
    assert ask("me").json()["team"] == {"id": team.pk, "name": "Blue"}
    ReportToken.objects.update(enabled=False)
    assert ask("me").status_code == 401
    ReportToken.objects.update(enabled=True)
    team.delete()
    assert _error(ask("me"), 401)[0] == "token_unknown"


def test_a_flood_of_wrong_tokens_costs_next_to_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert asking("rpt-mistyped")("usage").status_code == 401
    with django_assert_num_queries(1):
        assert asking(new_secret(PREFIX))("usage").status_code == 401


def test_a_read_costs_one_query_for_its_token_and_leaves_no_entry(ask: Ask, django_assert_num_queries: Any) -> None:
    assert ask("me").status_code == 200
    entries = AuditEntry.objects.count()
    with django_assert_num_queries(1):
        assert ask("me").status_code == 200
    assert AuditEntry.objects.count() == entries


@pytest.mark.parametrize("path", [*CALLS, "nothing", "", "openapi.json"])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_api_only_reads(path: str, method: str, ask: Ask) -> None:
    answer = ask(path, method)
    assert _error(answer, 405) == (
        "method_not_allowed",
        f"The report API only reads: it takes GET, not {method.upper()}.",
    )
    assert answer["Allow"] == "GET, HEAD, OPTIONS"


def test_head_and_options(ask: Ask) -> None:
    got, head = ask("metrics"), ask("metrics", "head")
    assert (head.status_code, head["Content-Type"], head.content) == (200, got["Content-Type"], b"")
    assert asking(None)("metrics", "head").status_code == 401
    options = asking(None)("metrics", "options")
    assert (options.status_code, options["Allow"], options.content) == (204, "GET, HEAD, OPTIONS", b"")


@pytest.mark.parametrize("path", ["", "nothing", "usage/", "statements/one", "docs"])
def test_a_path_that_is_not_there_says_which_are(path: str, ask: Ask) -> None:
    code, message = _error(ask(path), 404)
    assert code == "not_found"
    assert message.startswith(f"There is no {ROOT}{path}. Below /api/report/v1/ there are usage, metrics,")
    assert _error(Client().get(f"/api/report/v2/{path}"), 404)[0] == "not_found"


@pytest.mark.parametrize("path", ["usage", "statements", "me"])
def test_too_many_parameters_are_the_askers_mistake(path: str, ask: Ask, caplog: Any) -> None:
    code, message = _error(ask(f"{path}?{'key=1&' * 1001}"), 400)
    assert (code, message) == (
        "invalid_request",
        "There are more than 1,000 parameters. Send fewer values of a filter.",
    )
    assert "unforeseen" not in caplog.text


def test_no_cookie_is_read_or_set_and_nothing_is_kept(ask: Ask, admin_client: Client) -> None:
    session = admin_client.cookies["sessionid"].value
    answer = ask("me", cookie=f"sessionid={session}")
    assert answer.status_code == 200
    assert not answer.cookies
    assert answer["Cache-Control"] == "no-store"
    assert answer.wsgi_request.session.session_key is None


def test_a_failure_of_ours_is_logged_without_the_token(ask: Ask, caplog: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any) -> None:
        raise RuntimeError("out of order")

    secret, _ = made(name="another")
    monkeypatch.setattr(api, "metric_infos", broken)
    with caplog.at_level(logging.DEBUG):
        code, message = _error(asking(secret)("metrics"), 500)
    assert (code, "Try again" in message, "out of order" in message) == ("internal_error", True, False)
    assert "out of order" in caplog.text
    assert secret not in caplog.text

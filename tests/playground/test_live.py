"""Requests from the playground at a running server, as their sender, other endpoints and rows notice them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core import signing
from django.utils import timezone

from access.models import Budget, ClientKey, Membership, RateLimit, Team
from access.playground.tokens import PREFIX, Claims, issue
from access.sign_in.sessions import row_key
from tests.harness import speak
from tests.harness.call import Answer, message
from tests.harness.configure import Standing, make_key, unique
from tests.harness.gateway import Gateway
from tests.harness.patience import PATIENCE
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream
from tests.playground.signed_in import SignedIn, asking, signed_in
from usage.models import RequestLog
from usage.rollups.models import DailyRollup, UsageRollup

pytestmark = pytest.mark.both_databases
MESSAGES, COUNT = "/v1/messages", "/v1/messages/count_tokens"


class Site:
    """A gateway with a route, and somebody in front of it."""

    def __init__(self, gateway: Gateway, standing: Standing, upstream: Upstream, mia: SignedIn, rows: Rows) -> None:
        self.gateway, self.mia, self.rows = gateway, mia, rows
        self.route = standing.routes["anthropic"].name
        self._upstream = upstream

    def ask(self, token: str = "", *, of: SignedIn | None = None, **fields: Any) -> Answer:
        script = self._upstream.script(speak.answer("anthropic"))
        return (of or self.mia).api(token).post(message(self.route, script.prompt, **fields))


@pytest.fixture
def site(orm: Rows, gateway: Gateway, standing: Standing, upstream: Upstream) -> Iterator[Site]:
    with signed_in(gateway) as mia:
        gateway.wait_snapshot()
        yield Site(gateway, standing, upstream, mia, orm)


def test_an_answer_streams_and_its_row_has_owner_team_and_tag_and_no_key(site: Site) -> None:
    answer = site.ask()
    assert answer.stream().text == "Hello there"
    row = site.rows.request(answer.request_id)
    mia = site.mia
    assert (row.owner_id, row.owner_name) == (mia.person.pk, mia.person.username)
    assert (row.team_id, row.team_name) == (mia.team.pk, mia.team.name)
    assert (row.key_id, row.key_name, row.key_prefix) == (None, "", "")
    assert row.tags == ["playground"]
    assert (row.outcome, row.streamed, row.route_name, row.http_status) == ("completed", True, site.route, 200)
    assert row.cost is not None
    assert [one.outcome for one in site.rows.attempts(row)] == ["completed"]
    found = mia.row(answer.request_id)
    assert found["found"]
    assert str(row.pk) in found["url"]
    page = mia.web.get(found["url"])
    assert page.status_code == 200
    assert "sent from the playground" in page.text
    assert str(row.pk) in mia.web.get("/my/requests/").text


def test_rows_without_a_key_are_added_up_once(site: Site) -> None:
    answers = [site.ask(stream=False) for _ in range(3)]
    rows = [site.rows.request(answer.request_id) for answer in answers]
    cost = sum(row.cost for row in rows if row.cost is not None)
    for table in (UsageRollup, DailyRollup):
        # Of one quarter of an hour and one day, or of two where it was about to end.
        lines = table.objects.filter(owner_id=site.mia.person.pk)
        sums = sum(line.requests for line in lines), {line.key_id for line in lines}, sum(line.cost for line in lines)
        assert sums == (3, {None}, cost)


def test_nobody_else_learns_of_the_row(site: Site) -> None:
    answer = site.ask()
    site.rows.request(answer.request_id)
    with signed_in(site.gateway, site.mia.team) as colleague:
        assert colleague.row(answer.request_id) == {"found": False}
    assert site.mia.row("nonsense") == {"found": False}


def test_tokens_are_counted(site: Site) -> None:
    body = {"model": site.route, "messages": [{"role": "user", "content": "Hi"}]}
    answer = site.mia.api().post(body, path=COUNT)
    assert answer.status == 200
    assert answer.json["input_tokens"] > 0


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/x", "/v1/me", "/api/oauth/usage"])
def test_it_is_no_key_anywhere_else(site: Site, path: str) -> None:
    token = site.mia.token()
    assert "for POST /v1/messages" in str(site.mia.api(token).get(path).error(401, "authentication_error"))
    as_key = site.mia.api(token).get(path, headers={"authorization": None, "x-api-key": token})
    as_key.error(401, "authentication_error")


def test_it_is_neither_a_key_nor_a_session_nor_a_part_of_an_address(site: Site) -> None:
    token, body = site.mia.token(), message(site.route)
    nobody = asking(site.gateway, "nothing")
    for headers in ({"authorization": None, "x-api-key": token}, {"authorization": token}):
        site.mia.api(token).post(body, headers=headers).error(401, "authentication_error")
    for address in (f"{MESSAGES}?token={token}", f"{MESSAGES}?authorization=Bearer%20{token}"):
        nobody.post(body, path=address).error(401, "authentication_error")
    cookie = nobody.get("/my/", headers={"authorization": None, "cookie": f"sessionid={token}"})
    assert cookie.status == 302
    report = site.mia.api(token).get("/api/report/v1/me")
    assert report.status == 401


def test_what_was_forged_or_is_of_somebody_else_is_refused_in_claude_s_shape(site: Site) -> None:
    mia = site.mia
    session = row_key(mia.session.session_key or "")
    payload = mia.token().removeprefix(PREFIX).split(":")[0]
    with signed_in(site.gateway, mia.team) as other:
        theirs = Claims(other.person.pk, mia.team.pk, session)
        forged = [
            issue(theirs),
            issue(Claims(mia.person.pk, mia.team.pk, row_key(other.session.session_key or ""))),
            issue(Claims(mia.person.pk, mia.team.pk, "0" * 40)),
            issue(Claims(mia.person.pk, mia.team.pk, mia.session.session_key or "")),
            PREFIX + signing.TimestampSigner(salt="other").sign(payload),
            PREFIX + signing.dumps([mia.person.pk, mia.team.pk, session]),
            PREFIX + "x" * 2000,
            PREFIX,
        ]
        for token in forged:
            answer = site.ask(token)
            words = answer.error(401, "authentication_error")
            assert "Reload the page that sent it, and sign in again." in words
            assert answer.headers["x-should-retry"] == "false"
            assert answer.request_id.startswith("req_")
    assert not RequestLog.objects.filter(owner_id=mia.person.pk).exists()


def _sign_out(mia: SignedIn) -> None:
    fields = {"csrfmiddlewaretoken": mia.web.cookies["csrftoken"]}
    assert mia.web.post("/my/logout/", data=fields).status_code == 200


def _new_password(mia: SignedIn) -> None:
    mia.person.set_password("battery-staple-9")
    mia.person.save()


def _expire(mia: SignedIn) -> None:
    Session.objects.filter(session_key=row_key(mia.session.session_key or "")).update(expire_date=timezone.now())


def _idle(mia: SignedIn) -> None:
    mia.session["seen_at"] = timezone.now().timestamp() - timedelta(days=2).total_seconds()
    mia.session.save()


def _disable(mia: SignedIn) -> None:
    User.objects.filter(pk=mia.person.pk).update(is_active=False)


def _leave(mia: SignedIn) -> None:
    Membership.objects.filter(user=mia.person).delete()


def _disable_team(mia: SignedIn) -> None:
    Team.objects.filter(pk=mia.team.pk).update(enabled=False)


def _delete_team(mia: SignedIn) -> None:
    mia.team.delete()


ENDS: list[tuple[Callable[[SignedIn], None], int, str]] = [
    (_sign_out, 401, "sign in again"),
    (_new_password, 401, "sign in again"),
    (_expire, 401, "sign in again"),
    (_idle, 401, "sign in again"),
    (_disable, 403, "Your account is disabled"),
    (_leave, 403, "You may not, or no longer, use the playground"),
    (_disable_team, 403, "is disabled. Ask an administrator"),
    (_delete_team, 403, "was deleted"),
]


@pytest.mark.parametrize(("end", "status", "words"), ENDS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_token_ends_at_once_with_what_it_rests_on(
    site: Site, end: Callable[[SignedIn], None], status: int, words: str
) -> None:
    token = site.mia.token()
    assert site.ask(token).status == 200
    end(site.mia)
    kind = "authentication_error" if status == 401 else "permission_error"
    assert words in site.ask(token).error(status, kind)
    counted = site.mia.api(token).post({"model": site.route, "messages": []}, path=COUNT)
    assert words in counted.error(status, kind)


def test_an_owner_who_loses_the_role_loses_the_teams(site: Site) -> None:
    with (
        signed_in(site.gateway, site.mia.team, role="owner") as owner,
        signed_in(site.gateway, site.mia.team, role="owner"),
    ):
        token = owner.token()
        assert site.ask(token, of=owner).status == 200
        User.objects.filter(pk=owner.person.pk).update(is_superuser=False)
        site.ask(token, of=owner).error(403, "permission_error")


def test_a_token_is_for_a_team_of_one_s_own_alone(site: Site) -> None:
    other = Team.objects.create(name=unique("team"))
    answer = site.mia.ask_token(other.pk)
    assert answer.status_code == 400
    assert "no such team" in answer.json()["message"]
    forged = issue(Claims(site.mia.person.pk, other.pk, row_key(site.mia.session.session_key or "")))
    site.ask(forged).error(403, "permission_error")


def test_tokens_want_a_form_of_ours_and_are_kept_by_nobody(site: Site) -> None:
    assert site.mia.web.get("/my/playground/token/").status_code == 405
    assert site.mia.web.post("/my/playground/token/", data={"team": site.mia.team.pk}).status_code == 403
    answer = site.mia.ask_token()
    assert answer.headers["cache-control"].startswith("no-store, private")
    assert site.ask(answer.json()["token"]).status == 200
    token = answer.json()["token"]
    assert token not in site.gateway.logs()
    assert (site.mia.session.session_key or "") not in json.dumps(answer.json())


def test_limits_and_budgets_of_the_person_and_of_the_team_bind(site: Site) -> None:
    limit = RateLimit.objects.create(user=site.mia.person, measure="requests", per="minute", most=1)
    site.gateway.wait_snapshot()
    # What it cost is in the database.
    assert site.rows.request(site.ask().request_id).http_status == 200
    assert site.ask().status == 429
    limit.delete()
    Budget.objects.create(team=site.mia.team, amount="0.0000001", period="month", hard=True)
    site.gateway.wait_snapshot()
    refused = site.ask()
    assert refused.status == 429, refused.raw
    assert f"of team {site.mia.team.name}" in refused.json["error"]["message"]
    row = site.rows.request(refused.request_id)
    assert (row.outcome, row.key_id, row.owner_id, row.tags) == ("refused", None, site.mia.person.pk, ["playground"])


def test_the_routes_of_one_s_own_keys_are_those_of_the_playground(site: Site) -> None:
    key = make_key(site.mia.team, owner=site.mia.person, allowed_routes="nothing-*")
    site.ask().error(403, "permission_error")
    ClientKey.objects.filter(pk=key.row.pk).update(allowed_routes="")
    assert site.ask().status == 200


@pytest.fixture(scope="module")
def cutting(live_database: None, standing: Standing) -> Iterator[Gateway]:
    """Two workers that cut."""
    running = Gateway("cut-playground", workers=2, env={"REVOKED_KEYS": "cut"})
    try:
        yield running.start()
    finally:
        running.stop()


def test_a_running_answer_ends_with_the_session_where_keys_cut(
    orm: Rows, cutting: Gateway, standing: Standing, upstream: Upstream
) -> None:
    with ExitStack() as stack:
        mia = stack.enter_context(signed_in(cutting))
        ben = stack.enter_context(signed_in(cutting, mia.team))
        cutting.wait_snapshot()
        gate = Gate()
        script = upstream.script(Reply([speak.opening("anthropic", "Once upon"), gate]))
        body = message(standing.routes["anthropic"].name, script.prompt)
        ends, stays = (stack.enter_context(who.api().reading(body)) for who in (mia, ben))
        for stream in (ends, stays):
            stream.until(b"Once upon")
        pool = stack.enter_context(ThreadPoolExecutor(1))
        stack.callback(gate.open)
        staying = pool.submit(stays.finish)
        _disable(mia)
        ended = ends.finish()
        _, error = ended.broken_stream()
        assert error["type"] == "authentication_error"
        assert "your right to use the playground ended" in error["message"]
        assert not staying.done()
        Membership.objects.filter(user=ben.person).delete()
        staying.result(PATIENCE).broken_stream()
        row = orm.request(ended.request_id)
        assert (row.outcome, row.error_code, row.sentence_code) == ("interrupted", "session_ended", "session_ended")
        assert row.output_tokens

"""What users of other gateways complain of does not happen here. Each test names the threads of the peer in question.

Complaints that another suite holds have their numbers there: overshoot beside the concurrent requests, windows of their
own for each limit beside the stores, silent refusals beside the real Claude Code.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from access.allowances.models import Budget
from access.key_records import load_keys
from access.models import ClientKey, Team
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Key, Standing, make_key
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream
from tests.usage.dated import attempt, request
from usage.budgets.windows import Window, ensure
from usage.journal.inserts import insert
from usage.money import PICO


class TestKeys:
    """Two server processes on one database; each has answered the key before."""

    @pytest.fixture
    def both(self, client: Client, hasty_client: Client) -> list[Client]:
        return [client, hasty_client]

    @pytest.fixture
    def used(
        self, both: list[Client], gateway: Gateway, hasty_gateway: Gateway, standing: Standing, orm: Rows
    ) -> Callable[..., Key]:
        def used(**fields: object) -> Key:
            key = make_key(**fields)  # type: ignore[arg-type]
            for server in (gateway, hasty_gateway):
                server.wait_snapshot()
            for client in both:
                assert client.with_key(key.secret).get("/v1/models").status == 200
            return key

        return used

    @pytest.mark.both_databases
    def test_a_deleted_key_is_refused_by_the_other_server(
        self, both: list[Client], used: Callable[..., Key], standing: Standing
    ) -> None:
        """LiteLLM #2149, #1775: a key that was deleted at one instance goes on working at the other."""
        key = used()
        key.row.delete()
        for client in both:
            caller = client.with_key(key.secret)
            _until_status(caller, 401)
            refused = caller.post(message(standing.routes["openai_chat"].name))
            assert "client key is unknown" in refused.error(401, "authentication_error")
            assert refused.headers["x-should-retry"] == "false"

    @pytest.mark.both_databases
    def test_what_a_key_may_use_changes_without_a_restart(
        self, both: list[Client], used: Callable[..., Key], standing: Standing, upstream: Upstream
    ) -> None:
        """LiteLLM #35662: what was changed of a key holds only after a restart of the proxy."""
        mine, other = standing.routes["openai_chat"].name, standing.routes["anthropic"].name
        key = used(allowed_routes=mine)
        for client in both:
            assert client.with_key(key.secret).post(message(other)).status == 404
        ClientKey.objects.filter(pk=key.row.pk).update(allowed_routes=other)
        for client in both:
            caller = client.with_key(key.secret)
            until(lambda caller=caller: _models(caller) == {other}, "the change to be live")  # type: ignore[misc]
            script = upstream.script(speak.answer("anthropic"))
            caller.post(message(other, script.prompt)).stream()
            assert caller.post(message(mine)).status == 404


def _until_status(caller: Client, status: int) -> None:
    until(lambda: caller.get("/v1/models").status == status, f"{status} of /v1/models")


def _models(caller: Client) -> set[str]:
    return {model["id"] for model in caller.get("/v1/models").json["data"]}


@pytest.mark.django_db
@pytest.mark.both_databases
class TestWindows:
    """Windows of a team in Shanghai, eight hours east of the server's UTC."""

    ZONE = ZoneInfo("Asia/Shanghai")

    @pytest.fixture
    def team(self) -> Team:
        return Team.objects.create(name="Blue", time_zone=str(self.ZONE))

    @staticmethod
    def window(team: Team, now: datetime) -> Window:
        key = team.keys.first() or make_key(team).row
        (window,) = ensure(load_keys()[key.hash].budgets, now.timestamp())
        return window

    def spend(self, team: Team, moment: datetime, dollars: int) -> None:
        one = request(moment.astimezone(UTC), team_id=team.pk)
        with transaction.atomic():
            insert([one], [attempt(one, cost=dollars * PICO)])

    def at(self, text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=self.ZONE)

    def test_a_day_resets_at_midnight_of_the_team_and_has_24_hours(self, team: Team) -> None:
        """LiteLLM #34896, #37454: a window resets late by the offset from UTC, at 8 in the morning in Shanghai, and
        then counts 32 hours."""
        Budget.objects.create(team=team, amount=100, period="day", created_at=self.at("2026-08-01"))
        self.spend(team, self.at("2026-08-19 23:59:59.999"), 60)
        self.spend(team, self.at("2026-08-20 00:00:00"), 7)
        self.spend(team, self.at("2026-08-20 07:59:59"), 30)
        before, after = (self.window(team, self.at(f"2026-08-{when}")) for when in ("19 23:59:59", "20 00:00:00"))
        assert (before.spent, after.spent) == (60 * PICO, 37 * PICO)
        assert before.resets_at == after.starts_at == self.at("2026-08-20").timestamp()
        assert after.resets_at - after.starts_at == timedelta(days=1).total_seconds()
        assert self.window(team, self.at("2026-08-20 08:00:01")) == after

    def test_a_month_resets_at_its_first_midnight_of_the_team(self, team: Team) -> None:
        """LiteLLM #34896: who has spent a month's budget stays blocked for the offset into the next month."""
        Budget.objects.create(team=team, amount=100, period="month", created_at=self.at("2026-07-01"))
        self.spend(team, self.at("2026-07-31 23:59:59"), 100)
        july, august = (self.window(team, self.at(when)) for when in ("2026-07-31 23:59:59", "2026-08-01 00:00:00"))
        assert (july.spent, august.spent) == (100 * PICO, 0)
        assert july.resets_at == august.starts_at == datetime(2026, 7, 31, 16, tzinfo=UTC).timestamp()

    @pytest.mark.parametrize("weekday", [0, 3, 6])
    def test_the_first_day_of_a_week_can_be_chosen(self, team: Team, weekday: int) -> None:
        """LiteLLM #33161: weeks begin on Monday in one zone for all, which is the middle of others' working day."""
        Budget.objects.create(
            team=team, amount=100, period="week", week_starts=weekday, created_at=self.at("2026-07-01")
        )
        window = self.window(team, self.at("2026-08-19 12:00:00"))
        starts, resets = (datetime.fromtimestamp(at, self.ZONE) for at in (window.starts_at, window.resets_at))
        assert (starts.weekday(), starts.hour, resets - starts) == (weekday, 0, timedelta(days=7))
        assert starts <= self.at("2026-08-19 12:00:00") < resets

"""Limits, quotas and budgets with the real Claude Code, in key mode and in gateway mode: the second table of
docs/refusals.md."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from access.allowances.loading import Budgets
from access.models import Budget, Membership, RateLimit, Team
from tests.clients import claude_code
from tests.clients.relay import Relay
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Key, Standing, make_key, make_model, make_provider, make_route, unique
from tests.harness.gateway import ROOT, Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.script import Reply, Wait
from tests.harness.upstream import Upstream
from usage.budgets import windows
from usage.budgets.models import BudgetWindow
from usage.money import PICO

pytestmark = pytest.mark.clients

_PAGE = (ROOT / "docs" / "refusals.md").read_text()
_ROW = re.compile(
    r"^\| (?P<refusal>[^|]+) \| (?P<status>\d+) `(?P<type>\w+)`[^|]* \| (?P<requests>\d+) "
    r"\| (?P<key>[^|]+) \| (?P<gateway>[^|]+) \|$",
    re.M,
)
TABLE = {row["refusal"]: row for row in _ROW.finditer(_PAGE)}
DOLLAR_A_TOKEN = {"output": Decimal(1_000_000), "input": Decimal(0)}
PREFIX = "anthropic-ratelimit-unified-"


class Asking:
    """Uses keys up."""

    def __init__(self, gateway: Gateway, standing: Standing, upstream: Upstream) -> None:
        self.gateway = gateway
        self.route = standing.routes["anthropic"].name
        self.upstream = upstream
        self.until_the_end = ExitStack()
        self.before_first: Callable[[], object] = lambda: None

    def limited(self, per: str, most: int) -> Key:
        """A key whose limit of requests is reached when Claude Code's first request has come."""
        key = make_key()
        RateLimit.objects.create(key=key.row, measure="requests", per=per, most=most)
        self.gateway.wait_snapshot()

        def use_up() -> None:
            script = self.upstream.script(speak.answer("anthropic"))
            while Client(self.gateway.base_url, key.secret).post(message(self.route, script.prompt)).status == 200:
                pass

        self.before_first = use_up
        return key

    def spent(self, **budget: Any) -> Key:
        """A key that has spent 7 of 8 dollars of a budget: too little is left for Claude Code."""
        owner = User.objects.create_user(unique("mia"))
        team = Team.objects.create(name=unique("team"))
        Membership.objects.create(team=team, user=owner)
        whom = {"owner": owner, "team": team}
        fields = {name: whom.get(value, value) if isinstance(value, str) else value for name, value in budget.items()}
        Budget.objects.create(amount=Decimal(8), **fields)
        key = make_key(team, owner=owner)
        model = make_model(make_provider("anthropic", self.upstream.base_url), DOLLAR_A_TOKEN)
        self.route = make_route([model]).name
        self.gateway.wait_snapshot()
        script = self.upstream.script(speak.answer("anthropic"))
        answer = Client(self.gateway.base_url, key.secret).post(message(self.route, script.prompt, max_tokens=7))
        assert answer.status == 200
        until(lambda: self._known(key), "the answer to be in the window")
        return key

    def block_budgets(self) -> None:
        """Locks them until the test ends."""
        self.until_the_end.enter_context(transaction.atomic())
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE usage_budgetwindow IN ACCESS EXCLUSIVE MODE")
        else:
            BudgetWindow.objects.filter(pk=0).update(key_id=0)

    def _known(self, key: Key) -> bool:
        (window,) = windows.look(Budgets().of(key.row), time.time())
        return window is not None and window.spent == 7 * PICO and window.drawn == 0


def _soon(asking: Asking) -> Key:
    return asking.limited("minute", 20)


def _late(asking: Asking) -> Key:
    return asking.limited("minute", 1)


def _day(asking: Asking) -> Key:
    return asking.limited("day", 1)


def _budget_of_user(asking: Asking) -> Key:
    return asking.spent(user="owner", period="month")


def _budget_of_member(asking: Asking) -> Key:
    return asking.spent(members_of="team", period="week")


def _budget_of_team(asking: Asking) -> Key:
    return asking.spent(team="team", period="day")


def _budget_in_total(asking: Asking) -> Key:
    return asking.spent(user="owner", period="total")


def _unpriced(asking: Asking) -> Key:
    team = Team.objects.create(name=unique("team"))
    Budget.objects.create(team=team, amount=Decimal(8))
    key = make_key(team)
    asking.route = make_route([make_model(make_provider("anthropic", asking.upstream.base_url), {})]).name
    asking.gateway.wait_snapshot()
    return key


def _unreadable(asking: Asking) -> Key:
    key = asking.spent(user="owner", period="month")
    asking.block_budgets()
    return key


CASES: dict[Callable[[Asking], Key], tuple[str, str, dict[str, str | None]]] = {
    _soon: (
        "a limit per minute, with room again within `LONGEST_LIMIT_WAIT`",
        "The limit of 20 requests a minute for this client key is reached.",
        {},
    ),
    _late: (
        "a limit per minute, with room later than that",
        "The limit of 1 request a minute for this client key is reached.",
        {"x-should-retry": "false"},
    ),
    _day: (
        "a limit per day",
        "The limit of 1 request a day for this client key is used up until",
        {"x-should-retry": "false", f"{PREFIX}status": "rejected", f"{PREFIX}overage-period": "daily"},
    ),
    _budget_of_user: (
        "a budget of a key, a person or each member",
        "The budget of mia-",
        {
            "x-should-retry": "false",
            f"{PREFIX}status": "rejected",
            f"{PREFIX}overage-period": "monthly",
            f"{PREFIX}overage-scope": None,
        },
    ),
    _budget_of_member: (
        "a budget of a key, a person or each member",
        "The budget of mia-",
        {"x-should-retry": "false", f"{PREFIX}overage-period": "weekly", f"{PREFIX}overage-scope": None},
    ),
    _budget_of_team: (
        "a budget of a team",
        "The budget of team team-",
        {"x-should-retry": "false", f"{PREFIX}overage-period": "monthly", f"{PREFIX}overage-scope": "group_pool"},
    ),
    _budget_in_total: (
        "a budget in total",
        "The budget of mia-",
        {"x-should-retry": "false", "retry-after": None, f"{PREFIX}overage-period": None},
    ),
    _unpriced: (
        "a model without a price, under a budget",
        "The model model-",
        {"x-should-retry": None, "retry-after": None, f"{PREFIX}status": None},
    ),
    _unreadable: (
        "budgets that cannot be read",
        "This gateway cannot read the budgets of your client key",
        {
            "x-should-retry": "false",
            "retry-after": None,
            f"{PREFIX}status": None,
            f"{PREFIX}overage-disabled-reason": "fetch_error",
        },
    ),
}
"""The row of the table, how the sentence begins, and headers of the refusal."""


def test_every_row_of_the_table_has_a_case() -> None:
    assert set(TABLE) == {row for row, _, _ in CASES.values()}


@pytest.mark.parametrize("mode", ["key", "gateway"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__.strip("_"))
def test_what_claude_code_makes_of_a_limit(
    case: Callable[[Asking], Key],
    mode: str,
    tmp_path: Path,
    gateway: Gateway,
    standing: Standing,
    upstream: Upstream,
    orm: Rows,
) -> None:
    """haskell-agent #1300: Claude Code waits for a bare 429 in silence, for minutes."""
    asking = Asking(gateway, standing, upstream)
    key = case(asking)
    name, words, headers = CASES[case]
    row = TABLE[name]
    script = upstream.script(speak.answer("anthropic", "Now there is room."))
    with asking.until_the_end, Relay(gateway.port, asking.before_first) as relay:
        ran = claude_code.run(
            claude_code.LATEST,
            tmp_path / "home",
            f"http://{relay.address}",
            key.secret,
            asking.route,
            f"Hello. {script.mark}",
            gateway_mode=mode == "gateway",
        )
    refused = relay.seen[0]
    assert (refused.status, refused.type, len(relay.seen)) == (int(row["status"]), row["type"], int(row["requests"]))
    assert refused.sentence.startswith(words)
    assert {name: refused.headers.get(name) for name in headers} == headers
    waits = "*answer*" in row[mode]
    assert [answer.status for answer in relay.seen[1:]] == [200] * waits
    assert (ran.status, ran.result["is_error"]) == (int(not waits), not waits)
    shown = row[mode].replace("*sentence*", refused.sentence).replace("*answer*", "Now there is room.")
    assert ran.result["result"] == shown
    rows = orm.of_session(ran.result["session_id"], len(relay.seen))
    # Refused before any provider: one row, no attempt.
    assert (rows[0].outcome, rows[0].attempts, rows[0].cost) == ("refused", 0, None)
    assert rows[0].error_message == refused.sentence
    assert len(script.seen) == len(relay.seen) - 1


@pytest.mark.parametrize("mode", ["key", "gateway"])
def test_an_answer_that_a_budget_ends_is_followed_by_the_sentence(
    mode: str, tmp_path: Path, gateway: Gateway, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    """Claude Code asks again with a higher maximum, then for the rest. Both are refused, and it gives up."""
    team = Team.objects.create(name=unique("team"))
    # A slice of 8,000 tokens fits, no second one does; what is left after it would be enough for a small request.
    Budget.objects.create(team=team, amount=Decimal(9_000), period="month")
    key = make_key(team)
    route = make_route([make_model(make_provider("anthropic", upstream.base_url), DOLLAR_A_TOKEN)]).name
    gateway.wait_snapshot()
    pieces = [f"{number:03} {'word ' * 199}" for number in range(50)]
    whole = speak.reply("anthropic", speak.text(*pieces))
    # What arrives while the next slice is waited for is in the answer: its end comes later than that.
    start, deltas, end = whole.steps
    script = upstream.script(Reply([start, deltas, Wait(10), end], headers=whole.headers))
    with Relay(gateway.port) as relay:
        ran = claude_code.run(
            claude_code.LATEST,
            tmp_path / "home",
            f"http://{relay.address}",
            key.secret,
            route,
            f"Hello. {script.mark}",
            gateway_mode=mode == "gateway",
        )
    assert [answer.status for answer in relay.seen] == [200, 429, 429]
    cut, _, refused = relay.seen
    assert "max_tokens" in cut.raw.decode()
    assert refused.sentence.startswith("The budget of team team-")
    assert len(script.seen) == 1
    assert ran.status == 1
    prefix = "API Error: Request rejected (429) · " if mode == "key" else ""
    assert ran.result["result"] == f"{prefix}{refused.sentence}"
    (partial, *_) = ran.blocks("text")
    assert partial["text"].startswith("000 word word ")
    # What the ended answer had reserved is named before its row is there, and what it cost after.
    assert "$0.00 are spent" not in relay.seen[1].sentence
    rows = orm.of_session(ran.result["session_id"], 3)
    assert [(row.outcome, row.attempts) for row in rows] == [("completed", 1), ("refused", 0), ("refused", 0)]
    assert "budget_reached" in (rows[0].fidelity or [])

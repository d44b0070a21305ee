"""What users of other gateways complain of when money is spent: too much of it, or refused without a budget. Two server
processes on one database; each test names the threads of the peer in question."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from access.allowances.models import Budget
from access.models import Membership, Team
from tests.harness import speak
from tests.harness.call import Answer, Client, message
from tests.harness.configure import Key, make_key, make_model, make_provider, make_route, unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import Reply
from tests.harness.upstream import Upstream
from usage.budgets.models import BudgetWindow
from usage.models import AttemptLog, RequestLog

pytestmark = pytest.mark.both_databases

TOKENS = 100
"""Of every answer, and `max_tokens` of every request: what is reserved is what it costs."""
ANSWER = Decimal("0.10")
"""US dollars of an answer; input is free, so that no estimate is in it."""
THREE_ANSWERS = Decimal("0.30")
Ask = Callable[..., Answer]


@pytest.fixture
def ask(client: Client, hasty_client: Client, upstream: Upstream, orm: Rows) -> Ask:
    """Asks one server or the other, each with the same key in turn."""
    provider = make_provider("openai_chat", f"{upstream.base_url}/spent/v1")
    prices = {"input": Decimal(0), "output": ANSWER / TOKENS * 1_000_000}
    route = make_route([make_model(provider, prices)])

    def ask(key: Key, number: int, **fields: Any) -> Answer:
        script = upstream.script(Reply([speak.chat_text("x"), speak.chat_end(prompt=10, output=TOKENS)]))
        body = message(route.name, script.prompt, **{"max_tokens": TOKENS, **fields})
        return (client, hasty_client)[number % 2].with_key(key.secret).post(body)

    return ask


@pytest.fixture
def known(gateway: Gateway, hasty_gateway: Gateway) -> Callable[[], None]:
    """Waits until both servers know what was written."""

    def known() -> None:
        gateway.wait_snapshot()
        hasty_gateway.wait_snapshot()

    return known


def member(team: Team) -> User:
    person = User.objects.create_user(unique("member"))
    Membership.objects.create(team=team, user=person)
    return person


def cost_of(key: Key, rows: Rows, requests: int) -> Decimal:
    """What all attempts of a key have cost, once the rows of its requests are there."""
    found = rows.of_key(key, requests)
    assert len(found) == requests
    attempts = [one for row in found for one in rows.attempts(row)]
    return sum((one.cost or Decimal(0) for one in attempts), Decimal(0))


def refused(answer: Answer) -> str:
    """The sentence of a refusal for a budget."""
    assert answer.headers["x-should-retry"] == "false"
    return answer.error(429, "billing_error")


def test_the_first_requests_of_a_member_come_all_at_once(ask: Ask, known: Callable[[], None], orm: Rows) -> None:
    """LiteLLM #40095: eight concurrent first requests of somebody who was never seen pass a default budget for one.
    new-api #6609, one-api #2440: what is left is read first and taken later."""
    team = Team.objects.create(name=unique("team"))
    Budget.objects.create(members_of=team, amount=THREE_ANSWERS, period="month")
    key = make_key(team, owner=member(team))
    known()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: ask(key, number), range(8)))
    assert sorted(answer.status for answer in answers) == [200] * 3 + [429] * 5
    for answer in answers:
        if answer.status == 429:
            assert "$0.30" in refused(answer)
    assert cost_of(key, orm, 8) == THREE_ANSWERS
    (window,) = BudgetWindow.objects.filter(team_id=team.pk)
    assert window.spent == THREE_ANSWERS


def test_a_spent_budget_refuses_whatever_the_request_says(ask: Ask, known: Callable[[], None], orm: Rows) -> None:
    """LiteLLM #23714, #26672: a key goes on beyond its budget, to 99 of 30 dollars. #11083: a header with another user
    gets around it."""
    key = make_key()
    Budget.objects.create(key=key.row, amount=THREE_ANSWERS, period="total")
    known()
    assert [ask(key, number).status for number in range(3)] == [200] * 3
    assert cost_of(key, orm, 3) == THREE_ANSWERS
    others: list[dict[str, Any]] = [
        {},
        {},
        {"metadata": {"user_id": "somebody else"}},
        {"max_tokens": 1},
        {"stream": False},
    ]
    for number, fields in enumerate(others):
        assert "$0.30" in refused(ask(key, number, **fields))
    assert cost_of(key, orm, 8) == THREE_ANSWERS
    rows = RequestLog.objects.filter(key_id=key.row.pk).order_by("id")[3:]
    assert {row.attempts for row in rows} == {0}
    assert not AttemptLog.objects.filter(request_log_id__in=[row.pk for row in rows]).exists()


def test_nobody_without_a_budget_is_refused(ask: Ask, known: Callable[[], None], orm: Rows) -> None:
    """LiteLLM #20615, #22726: "Budget has been exceeded! Current cost: 76.16, Max budget: 10.0", where no budget is
    set."""
    team, other = Team.objects.create(name=unique("team")), Team.objects.create(name=unique("team"))
    spent = make_key(other)
    Budget.objects.create(team=other, amount=Decimal("0.01"), period="month")
    Budget.objects.create(members_of=team, amount=Decimal("0.01"), period="month")
    Budget.objects.create(team=team, amount=Decimal("0.01"), period="day", hard=False)
    Budget.objects.create(team=team, amount=Decimal("0.01"), period="month", enabled=False)
    service = make_key(team)
    known()
    assert ask(spent, 0).status == 429
    assert [ask(service, number).status for number in range(4)] == [200] * 4
    assert cost_of(service, orm, 4) == 4 * ANSWER

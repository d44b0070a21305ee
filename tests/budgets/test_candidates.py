"""Fallbacks and hedges under a budget. Those whose model has no price are passed over, and nobody else pays for it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from access.allowances.models import Budget
from providers.models import Price
from tests.budgets.spending import settled
from tests.faults.test_hedging import Pair, _ended
from tests.faults.test_hedging import pair as pair
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Key, make_key, make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.script import Reply, Wait
from tests.harness.upstream import Upstream
from usage.models import RequestLog
from usage.money import to_pico

pytestmark = pytest.mark.both_databases

_BUSY = [speak.refusal("openai_chat", 503, "busy")] * 3


@pytest.fixture
def key(pair: Pair) -> Key:
    """A key with money left, on a route whose second model has no price."""
    Price.objects.filter(model=pair.models[1]).delete()
    made = make_key()
    Budget.objects.create(key=made.row, amount=Decimal(5))
    pair.gateway.wait_snapshot()
    return made


def test_a_hedge_without_a_price_does_not_begin(pair: Pair, key: Key, orm: Rows) -> None:
    slow = Reply(before=[Wait(1.5)], steps=speak.chat_answer("from the slow one").steps)
    script = pair.script([slow], [speak.chat_answer("spare")])
    answer = pair.client.with_key(key.secret).post(message(pair.route.name, script.prompt))
    assert answer.status == 200
    assert answer.stream().text == "from the slow one"
    assert _ended(orm.attempts(orm.request(answer.request_id))) == [("completed", "")]


def test_a_fallback_without_a_price_is_passed_over(pair: Pair, key: Key, orm: Rows) -> None:
    script = pair.script(_BUSY, [speak.chat_answer("never asked")], [speak.chat_answer("from the third")])
    answer = pair.client.with_key(key.secret).post(message(pair.route.name, script.prompt))
    assert answer.stream().text == "from the third"
    attempts = orm.attempts(orm.request(answer.request_id))
    assert [attempt.model_name for attempt in attempts] == [pair.models[0].name, pair.models[2].name]


def test_where_no_other_candidate_has_a_price_the_provider_s_failure_is_the_answer(
    pair: Pair, key: Key, orm: Rows
) -> None:
    Price.objects.filter(model=pair.models[2]).delete()
    pair.gateway.wait_snapshot()
    answer = pair.client.with_key(key.secret).post(message(pair.route.name, pair.script(_BUSY, _BUSY, _BUSY).prompt))
    assert answer.status == 503
    assert len(orm.attempts(orm.request(answer.request_id))) == 1


@pytest.mark.usefixtures("orm")
def test_a_web_search_without_a_price_is_refused(client: Client, gateway: Gateway, upstream: Upstream) -> None:
    model = make_model(make_provider("anthropic", f"{upstream.base_url}/search"))
    route, made = make_route([model]), make_key()
    Budget.objects.create(key=made.row, amount=Decimal(5))
    gateway.wait_snapshot()
    mine = client.with_key(made.secret)
    body = message(route.name, upstream.script(speak.answer("anthropic")).prompt)
    assert mine.post(body).status == 200
    refused = mine.post({**body, "tools": [{"type": "web_search_20250305", "name": "web_search"}]})
    assert (refused.status, refused.json["error"]["type"]) == (403, "permission_error")
    assert f"Web searches of the model {model.name} have no price" in refused.json["error"]["message"]


def test_a_hedge_reserves_and_settles_beside_the_first(pair: Pair, orm: Rows) -> None:
    key = make_key()
    # So much that money is drawn in advance: a hedge gets only what its worker holds.
    Budget.objects.create(key=key.row, amount=Decimal(50))
    pair.gateway.wait_snapshot()
    client, requests = pair.client.with_key(key.secret), list[RequestLog]()

    def hedged() -> bool:
        slow = Reply(before=[Wait(1.5)], steps=speak.chat_answer("from the slow one").steps)
        script = pair.script([slow], [speak.chat_answer("from the spare")])
        answer = client.post(message(pair.route.name, script.prompt))
        requests.append(orm.request(answer.request_id))
        return answer.stream().text == "from the spare"

    # On a busy machine the hedge comes so late that the money went back.
    until(hedged, "an answer of a hedge")
    attempts = orm.attempts(requests[-1])
    assert _ended(attempts) == [("interrupted", "hedged"), ("completed", "")]
    costs = [attempt.cost or Decimal(0) for attempt in attempts]
    assert all(costs), "what was sent and reported nothing is charged as it is counted here"
    # The window is the sum of the rows of both, and nothing is held any more.
    spent, drawn = settled(len(requests), key_id=key.row.pk)
    assert (spent >= sum(map(to_pico, costs)), drawn) == (True, 0)

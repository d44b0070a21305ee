"""Budgets hold exactly however many requests come at once, through two servers on one database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from access.models import Budget
from tests.budgets.spending import Spending, answering, cents_for, cost, refused, reserved, settled, text_tokens
from tests.harness.call import Answer, Client
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.script import CUT, HANG, Gate, Reply, Wait
from tests.harness.upstream import Upstream
from usage.money import to_pico

pytestmark = pytest.mark.both_databases

FIFTY = 50
OUTPUT = 100
SLICE = 1_000


@pytest.fixture(scope="module")
def servers(live_database: None, upstream: Upstream) -> Iterator[list[Gateway]]:
    """Two servers, as of two hosts."""
    started = [Gateway(f"budgets-{number}", env={"BUDGET_SLICE_TOKENS": str(SLICE)}) for number in range(2)]
    try:
        yield [server.start() for server in started]
    finally:
        for server in started:
            server.stop()


@pytest.fixture
def spending(servers: list[Gateway], upstream: Upstream, orm: Rows) -> Spending:
    return Spending(upstream, servers)


class TestFiftyAtOnce:
    def test_a_provider_that_counts_as_we_do_never_bills_more_than_the_cap(self, spending: Spending) -> None:
        """LiteLLM #23714, #26672, #40095, new-api #6609, one-api #2440: requests that come at once spend far more than
        the budget, since what is left is read before and taken after."""
        made = spending.script(
            lambda prompt: spending.body(prompt, OUTPUT), lambda tokens: [answering(tokens, OUTPUT, pause=0.01)]
        )
        need = reserved(made.tokens, OUTPUT)
        amount = cents_for(3 * need)
        key = spending.key(amount)
        spending.ready()
        answers = spending.send_all(made.body, key, FIFTY)
        served = _served(answers)
        spent, drawn = settled(FIFTY, key_id=key.row.pk)
        assert spent == cost(made.tokens, OUTPUT) * served == cost(made.tokens, OUTPUT) * len(made.script.seen)
        assert (drawn, served >= 3) == (0, True)
        # Who comes later gets what is left.
        sent = FIFTY + 1
        while not refused(spending.send(made.body, key, sent % 2)):
            sent += 1
        spent, drawn = settled(sent, key_id=key.row.pk)
        assert to_pico(amount) - need < spent <= to_pico(amount)

    def test_one_that_bills_half_as_much_again_exceeds_it_by_what_was_under_way_then(self, spending: Spending) -> None:
        """Not by what others were billed before, whose prompts were counted as high: they came from a cache."""
        before, gate = 6, Gate()

        def replies(tokens: int) -> list[Reply]:
            cached, late = (
                answering(0, 10, cached=half_again(tokens)),
                answering(half_again(tokens), OUTPUT, pause=0.01),
            )
            return [cached] * before + [Reply(late.steps, before=[gate])]

        made = spending.script(lambda prompt: spending.body(prompt, OUTPUT, system="word " * 4_000), replies)
        counted = half_again(made.tokens)
        cap = cents_for(before * cost(0, 10, counted) + 3 * reserved(made.tokens, OUTPUT))
        key = spending.key(cap)
        spending.ready()
        assert _served(spending.send_all(made.body, key, before)) == before
        assert settled(before, key_id=key.row.pk) == (before * cost(0, 10, counted), 0)
        sending = spending.sending(made.body, key, FIFTY)
        # The cap is reached: who was not refused is under way, and the provider has not begun to answer.
        until(lambda: sum(one.done() for one in sending) + len(made.script.seen) - before == FIFTY)
        under_way = made.script.seen[before:]
        assert len(under_way) == 3
        gate.open()
        assert _served([one.result() for one in sending]) == 3
        spent, drawn = settled(before + FIFTY, key_id=key.row.pk)
        unreserved = cost(counted, 0) - reserved(made.tokens, 0)
        billed = before * cost(0, 10, counted) + sum(
            cost(counted, text_tokens(answering(counted, OUTPUT), seen)) for seen in under_way
        )
        assert to_pico(cap) < spent <= billed <= to_pico(cap) + unreserved * len(under_way)
        # It is shown as an overdraft, and nothing is served before it is made up for.
        (limit,) = Client(spending.servers[0].base_url, key.secret).get("/api/oauth/usage").json["limits"]
        assert (limit["percent"], drawn) == (spent * 100 // to_pico(cap), 0)
        assert all(refused(spending.send(made.body, key, server)) for server in range(2))
        assert made.script.seen[before:] == under_way

    def test_the_pool_of_a_team_and_each_key_of_it(self, spending: Spending) -> None:
        made = spending.script(
            lambda prompt: spending.body(prompt, OUTPUT), lambda tokens: [answering(tokens, OUTPUT, pause=0.01)]
        )
        need = reserved(made.tokens, OUTPUT)
        first = spending.key(cents_for(2 * need))
        second = spending.key(cents_for(20 * need), team=first.row.team)
        Budget.objects.create(team=first.row.team, amount=cents_for(4 * need))
        spending.ready()
        assert _served(spending.send_all(made.body, first, 10)) >= 2
        assert _served(spending.send_all(made.body, second, 10)) >= 1
        for amount, whose in (
            (cents_for(2 * need), {"key_id": first.row.pk}),
            (cents_for(4 * need), {"team_id": first.row.team_id}),
        ):
            spent, drawn = settled(10, **whose)
            assert spent <= to_pico(amount)
            assert drawn == 0


def half_again(tokens: int) -> int:
    return tokens * 3 // 2


def slowly(tokens: int, cached: int = 0) -> Reply:
    """An answer that is longer than any budget here, whose pieces come one by one."""
    return answering(tokens, 10_000, pause=0.005, each=20, cached=cached)


def _served(answers: list[Answer]) -> int:
    """How many were answered; the others were refused for their budget."""
    assert {answer.status for answer in answers} <= {200, 429}
    assert all(refused(answer) for answer in answers if answer.status == 429)
    return sum(answer.status == 200 for answer in answers)


class TestSlices:
    def test_an_answer_ends_where_no_budget_has_the_next_slice(self, spending: Spending, orm: Rows) -> None:
        made = spending.script(lambda prompt: spending.body(prompt, 10_000), lambda tokens: [slowly(tokens)])
        amount = cents_for(reserved(made.tokens, 3 * SLICE))
        key = spending.key(amount)
        other = spending.key(None, team=key.row.team)
        spending.ready()
        answer = spending.send(made.body, key)
        stream = answer.stream()
        assert stream.stop_reason == "max_tokens"
        row = orm.request(answer.request_id)
        assert (row.outcome, row.stop_reason) == ("completed", "max_tokens")
        assert "budget_reached" in (row.fidelity or [])
        assert row.estimated
        assert row.output_tokens is not None
        assert 2 * SLICE < row.output_tokens <= 3 * SLICE
        # The very next request, to whichever server, is told why: two requests and no more.
        second = spending.send(made.body, key, 1)
        assert refused(second)
        assert "budget of the key" in second.json["error"]["message"]
        assert len(made.script.seen) == 1
        spent, drawn = settled(2, key_id=key.row.pk)
        assert (drawn, spent <= to_pico(amount)) == (0, True)
        assert spending.send(made.body, other).status == 200

    def test_also_without_streaming(self, spending: Spending, orm: Rows) -> None:
        made = spending.script(
            lambda prompt: spending.body(prompt, 10_000, stream=False), lambda tokens: [slowly(tokens)]
        )
        key = spending.key(cents_for(reserved(made.tokens, 2 * SLICE)))
        spending.ready()
        answer = spending.send(made.body, key)
        assert (answer.status, answer.json["stop_reason"]) == (200, "max_tokens")
        assert "budget_reached" in answer.headers["x-gateway-fidelity"]
        assert refused(spending.send(made.body, key))

    def test_a_long_answer_with_money_left_is_whole(self, spending: Spending) -> None:
        made = spending.script(
            lambda prompt: spending.body(prompt, 5_000), lambda tokens: [answering(tokens, 5_000, each=100)]
        )
        key = spending.key(cents_for(2 * reserved(made.tokens, 5_000)))
        spending.ready()
        assert spending.send(made.body, key).stream().stop_reason == "end_turn"
        assert settled(1, key_id=key.row.pk) == (cost(made.tokens, 5_000), 0)

    def test_what_a_cached_prompt_returns_does_not_lift_the_mark(self, spending: Spending) -> None:
        """The reservation is for a prompt that costs fifty times as much as it does: it all comes back."""

        def body(prompt: str) -> dict[str, object]:
            system = [{"type": "text", "text": "word " * 2_000, "cache_control": {"type": "ephemeral"}}]
            return spending.body(prompt, 10_000, system=system)

        made = spending.script(body, lambda tokens: [slowly(tokens // 50, cached=tokens - tokens // 50)])
        amount = cents_for(reserved(made.tokens, SLICE) + reserved(0, 2 * SLICE))
        key = spending.key(amount)
        spending.ready()
        first = spending.send(made.body, key)
        assert first.stream().stop_reason == "max_tokens"
        assert refused(spending.send(made.body, key, 1))
        assert refused(spending.send(made.body, key, 0))
        assert len(made.script.seen) == 1
        spent, drawn = settled(3, key_id=key.row.pk)
        assert (drawn, spent <= to_pico(amount)) == (0, True)
        # Raised, the same key goes on at once.
        Budget.objects.filter(key=key.row).update(amount=2 * amount)
        spending.ready()
        raised = spending.send(made.body, key, 1)
        assert raised.status == 200, raised.json


class TestSeveralAttempts:
    def test_what_a_failed_attempt_had_reserved_is_there_for_the_next(self, spending: Spending, orm: Rows) -> None:
        made = spending.script(
            lambda prompt: spending.body(prompt, OUTPUT),
            lambda tokens: [Reply([b"{}"], status=500), answering(tokens, OUTPUT)],
        )
        key = spending.key(cents_for(reserved(made.tokens, OUTPUT)))
        spending.ready()
        answer = spending.send(made.body, key)
        assert answer.status == 200
        assert orm.request(answer.request_id).attempts == 2
        assert settled(1, key_id=key.row.pk) == (cost(made.tokens, OUTPUT), 0)

    def test_an_answer_that_broke_off_ends_where_no_budget_lets_another_continue_it(
        self, servers: list[Gateway], upstream: Upstream, orm: Rows
    ) -> None:
        spending = Spending(upstream, servers, continues=True)
        made = spending.script(
            lambda prompt: spending.body(prompt, 10 * OUTPUT),
            lambda tokens: [Reply([*list(answering(tokens, 10 * OUTPUT).steps)[:50], Wait(0.3), CUT])],
        )
        key = spending.key(cents_for(reserved(made.tokens, 10 * OUTPUT)))
        spending.ready()
        answer = spending.send(made.body, key)
        assert answer.stream().stop_reason == "max_tokens"
        row = orm.request(answer.request_id)
        assert (row.outcome, row.attempts, row.stop_reason) == ("completed", 1, "max_tokens")
        assert "budget_reached" in (row.fidelity or [])
        assert refused(spending.send(made.body, key, 1))
        assert len(made.script.seen) == 1


class TestUnreported:
    def test_a_client_that_leaves_before_any_answer_is_charged_for_its_prompt(
        self, spending: Spending, orm: Rows
    ) -> None:
        made = spending.script(
            lambda prompt: spending.body(prompt, OUTPUT), lambda tokens: [Reply(before=[HANG], steps=[])]
        )
        key = spending.key(5)
        spending.ready()
        client = Client(spending.servers[0].base_url, key.secret)
        client.leave_unanswered(made.body, lambda: made.script.wait(), session="left")
        (row,) = orm.of_key(key, 1)
        assert (row.outcome, row.input_tokens, row.output_tokens) == ("client_closed", made.tokens, 0)
        assert row.estimated
        assert settled(1, key_id=key.row.pk) == (cost(made.tokens, 0), 0)

    def test_a_provider_that_refuses_costs_nothing(self, spending: Spending) -> None:
        made = spending.script(
            lambda prompt: spending.body(prompt, OUTPUT), lambda tokens: [Reply([b"{}"], status=400)]
        )
        key = spending.key(5)
        spending.ready()
        assert spending.send(made.body, key).status == 400
        assert settled(1, key_id=key.row.pk) == (0, 0)


class TestModels:
    def test_one_without_a_price_is_refused_by_name_under_a_hard_budget_alone(self, spending: Spending) -> None:
        from providers.pricing.prices import Price

        made = spending.script(lambda prompt: spending.body(prompt, 10), lambda tokens: [answering(tokens, 10)])
        Price.objects.filter(model=spending.model).delete()
        hard, soft, none = spending.key(1), spending.key(1, hard=False), spending.key()
        spending.ready()
        answer = spending.send(made.body, hard)
        assert (answer.status, answer.json["error"]["type"]) == (403, "permission_error")
        assert spending.model.name in answer.json["error"]["message"]
        assert len(made.script.seen) == 0
        assert spending.send(made.body, soft).status == 200
        assert spending.send(made.body, none).status == 200

    def test_a_budget_of_other_models_does_not_bind(self, spending: Spending) -> None:
        made = spending.script(lambda prompt: spending.body(prompt, 10), lambda tokens: [answering(tokens, 10)])
        key = spending.key(0.01, model_names="other-*")
        spending.ready()
        assert spending.send(made.body, key).status == 200

"""The bank: however many workers draw at the same time, what is spent and drawn stays within the limit, and a window's
`drawn` is the sum of its blocks."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Sum

from usage.budgets import bank, dead_workers
from usage.budgets.bank import Mark, Return
from usage.budgets.draw import Draw, Refusal, Want, draw
from usage.budgets.models import BudgetBlock, BudgetMark, BudgetWindow
from usage.money import to_dollars, to_pico

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

KEY = 7


def window(number: int, limit: int, *, spent: int = 0, drawn: int = 0, raised: int = 0) -> int:
    now = datetime.now(UTC)
    return BudgetWindow.objects.create(
        budget_id=number,
        starts_at=now - timedelta(days=1),
        resets_at=now + timedelta(days=1),
        team_id=1,
        amount=to_dollars(limit),
        raised=to_dollars(raised),
        spent=to_dollars(spent),
        drawn=to_dollars(drawn),
    ).pk


def want(lacks: dict[int, int], limit: int, *, need: int | None = None, key: int = KEY) -> Want:
    return Want(lacks, need or max(lacks.values()), dict.fromkeys(lacks, limit), key)


def facts(identity: int) -> tuple[int, int]:
    row = BudgetWindow.objects.get(pk=identity)
    return to_pico(row.spent), to_pico(row.drawn)


def blocks(identity: int) -> int:
    return to_pico(BudgetBlock.objects.filter(window=identity).aggregate(total=Sum("amount"))["total"] or to_dollars(0))


def in_threads(work: list[Callable[[], Any]]) -> list[Any]:
    """Runs each in a thread with a connection of its own."""

    def run(one: Callable[[], Any]) -> Any:
        try:
            return one()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


class TestDrawing:
    def test_all_windows_or_none(self) -> None:
        rich, poor = window(1, 100), window(2, 100, spent=95)
        first = draw("w", [want({rich: 10, poor: 10}, 100)])
        assert first.refusals == [Refusal(poor)]
        assert (facts(rich), facts(poor)) == ((0, 0), (95, 0))
        assert not BudgetBlock.objects.exists()
        second = draw("w", [want({rich: 10, poor: 5}, 100)])
        assert second.refusals == [None]
        assert (facts(rich), facts(poor)) == ((0, 10), (95, 5))

    def test_made_again_it_takes_its_money_once(self) -> None:
        one, other = window(1, 300), window(2, 50)
        first = Draw("w", [want({one: 10}, 300), want({other: 60}, 50)])
        assert (before := first.make()).advance == {one: 5}
        again = first.make()
        assert (
            (again.refusals, again.advance) == (before.refusals, before.advance) == ([None, Refusal(other)], {one: 5})
        )
        assert (facts(one), blocks(one)) == ((0, 15), 15)
        draw("w", [want({one: 20}, 300)])
        assert facts(one) == (0, 35)

    def test_undone_again_it_gives_back_once(self) -> None:
        one = window(1, 300)
        draw("w", [want({one: 50}, 300)])
        lost = Draw("w", [want({one: 20}, 300)])
        lost.make()
        again = copy.copy(lost)
        lost.undo()
        before = facts(one), blocks(one)
        assert before[1] >= 50
        # It does not know that it was undone: the answer to that commit was lost.
        again.undo()
        assert (facts(one), blocks(one)) == before

    def test_undone_it_took_nothing(self) -> None:
        one = window(1, 100)
        draw("w", [want({one: 7}, 100)])
        made = Draw("w", [want({one: 10}, 100)])
        made.undo()
        assert facts(one) == (0, 7)
        made.make()
        made.undo()
        made.undo()
        assert (facts(one), blocks(one)) == ((0, 7), 7)

    def test_the_last_pico_dollar_can_be_drawn_and_no_more(self) -> None:
        one = window(1, 30)
        wants = [want({one: 10}, 30) for _ in range(4)]
        assert draw("w", wants).refusals == [None, None, None, Refusal(one)]
        assert facts(one) == (0, 30)

    def test_in_advance_is_drawn_only_while_much_is_left(self) -> None:
        one = window(1, 10_000)
        drawn = draw("w", [want({one: 10}, 10_000)])
        assert drawn.advance == {one: 199}  # a fiftieth of 9,990
        assert blocks(one) == 209
        near = window(2, 209)
        assert draw("w", [want({near: 10}, 209)]).advance == {}
        far = window(3, 10**9)
        assert draw("w", [want({far: 10}, 10**9)]).advance == {far: 200}  # twenty requests

    def test_the_budgets_amount_of_now_counts_and_what_was_raised(self) -> None:
        one = window(1, 10, spent=10, raised=5)
        assert draw("w", [want({one: 6}, 10)]).refusals == [Refusal(one)]
        assert draw("w", [want({one: 5}, 10)]).refusals == [None]
        assert draw("w", [want({one: 1}, 11)]).refusals == [None]
        assert to_pico(BudgetWindow.objects.get(pk=one).amount) == 11

    def test_what_is_given_back_can_be_drawn_again(self) -> None:
        one = window(1, 30)
        draw("a", [want({one: 30}, 30)])
        assert draw("b", [want({one: 10}, 30)]).refusals == [Refusal(one)]
        Return("a", {one: 12}).make()
        assert (facts(one), blocks(one)) == ((0, 18), 18)
        assert draw("b", [want({one: 10}, 30)]).refusals == [None]
        Return("a", {one: 18}).make()
        assert list(BudgetBlock.objects.values_list("worker", flat=True)) == ["b"]

    def test_made_again_a_return_gives_back_once(self) -> None:
        one, other = window(1, 100), window(2, 100)
        draw("w", [want({one: 10, other: 40}, 100)])
        made = Return("w", {one: 10, other: 15})
        made.make()
        made.make()
        assert (facts(one), blocks(one)) == ((0, 0), 0)
        assert (facts(other), blocks(other)) == ((0, 25), 25)
        Return("w", {other: 15}).make()
        assert (facts(other), blocks(other)) == ((0, 10), 10)

    def test_a_block_gives_back_no_more_than_it_has(self) -> None:
        one = window(1, 30)
        draw("a", [want({one: 10}, 30)])
        Return("a", {one: 11}).make()
        Return("b", {one: 5}).make()
        assert (facts(one), blocks(one)) == ((0, 10), 10)


class TestManyWorkers:
    def test_none_draws_what_another_has(self) -> None:
        limit = 1_000_000
        ids = [window(number, limit, spent=number * 1000) for number in range(3)]

        def work(worker: int) -> Iterator[int]:
            dice, held = random.Random(worker), dict.fromkeys(ids, 0)
            for _ in range(40):
                chosen = dice.sample(ids, dice.randint(1, 3))
                need = dice.randint(1, 40_000)
                drawn = draw(f"worker-{worker}", [want(dict.fromkeys(chosen, need), limit) for _ in range(2)])
                for refusal in drawn.refusals:
                    for identity in chosen if refusal is None else ():
                        held[identity] += need
                for identity, more in drawn.advance.items():
                    held[identity] += more
                if dice.random() < 0.5:
                    back = {identity: dice.randint(0, amount) for identity, amount in held.items()}
                    Return(f"worker-{worker}", back).make()
                    for identity, amount in back.items():
                        held[identity] -= amount
                elif dice.random() < 0.3:
                    # As a row of this worker does that cost half of its reservation.
                    identity = dice.choice(ids)
                    used, held[identity] = held[identity], 0
                    _settle(f"worker-{worker}", identity, used, used // 2)
                yield max(sum(facts(identity)) for identity in ids)
            assert held == {
                identity: to_pico(amount)
                for identity, amount in BudgetBlock.objects.filter(worker=f"worker-{worker}").values_list(
                    "window_id", "amount"
                )
            } | {identity: 0 for identity, amount in held.items() if not amount}

        most = in_threads([lambda worker=worker: max(work(worker)) for worker in range(4)])  # type: ignore[misc]
        assert max(most) <= limit
        for identity in ids:
            assert facts(identity)[1] == blocks(identity)

    def test_fifty_that_want_the_last_three(self) -> None:
        one = window(1, 300)
        granted = in_threads(
            [lambda worker=worker: draw(f"w{worker % 2}", [want({one: 100}, 300)]) for worker in range(50)]  # type: ignore[misc]
        )
        assert sum(drawn.refusals == [None] for drawn in granted) == 3
        assert facts(one) == (0, 300)


def _settle(worker: str, identity: int, reserved: int, cost: int) -> None:
    with transaction.atomic():
        BudgetWindow.objects.select_for_update().get(pk=identity)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE usage_budgetwindow SET spent = spent + %s, drawn = drawn - %s WHERE id = %s",
                [cost, reserved, identity],
            )
            cursor.execute(
                "UPDATE usage_budgetblock SET amount = amount - %s WHERE window_id = %s AND worker = %s",
                [reserved, identity, worker],
            )


class TestMarks:
    def test_a_marked_key_is_refused_and_others_are_not(self) -> None:
        one = window(1, 100)
        bank.mark([Mark(one, KEY, needed=101, limit=100)])
        drawn = draw("w", [want({one: 10}, 100), want({one: 10}, 100, key=8)])
        assert drawn.refusals == [Refusal(one, marked=True), None]
        assert [each.key_id for each in bank.look([one]).marks] == [KEY]

    def test_it_is_lifted_when_enough_is_free(self) -> None:
        one = window(1, 100, spent=50)
        bank.mark([Mark(one, KEY, needed=50, limit=100)])
        assert draw("w", [want({one: 10}, 100)]).refusals == [None]
        assert not BudgetMark.objects.exists()

    def test_it_is_lifted_when_the_limit_was_raised(self) -> None:
        one = window(1, 100, spent=95)
        bank.mark([Mark(one, KEY, needed=50, limit=100)])
        assert draw("w", [want({one: 1}, 100)]).refusals == [Refusal(one, marked=True)]
        assert draw("w", [want({one: 1}, 101)]).refusals == [None]

    def test_of_two_marks_the_larger_counts(self) -> None:
        one = window(1, 100)
        bank.mark([Mark(one, KEY, needed=200, limit=100)])
        bank.mark([Mark(one, KEY, needed=150, limit=100)])
        (found,) = bank.look([one]).marks
        assert found == Mark(one, KEY, needed=200, limit=100)
        bank.unmark([one], KEY)
        assert bank.look([one]).marks == []


class TestTheDead:
    def test_what_is_certain_comes_back_and_what_is_not_stays_drawn(self) -> None:
        certain, uncertain = window(1, 100), window(2, 100)
        draw("gone", [want({certain: 10, uncertain: 20}, 100)])
        bank.set_uncertain("gone", [uncertain], uncertain=True)
        dead_workers.return_block("gone")
        assert (facts(certain), facts(uncertain)) == ((0, 0), (0, 20))
        dead_workers.return_block("gone")
        assert (facts(certain), blocks(uncertain)) == ((0, 0), 20)

    def test_a_silent_worker_is_settled_once(self) -> None:
        one = window(1, 100)
        draw("silent", [want({one: 10}, 100)])
        draw("alive", [want({one: 20}, 100)])
        BudgetBlock.objects.update(heartbeat=datetime.now(UTC) - dead_workers.DEAD - timedelta(seconds=1))
        assert list(bank.beat("alive").facts) == [one]
        assert dead_workers.settle_dead() == {"silent": 10}
        assert dead_workers.settle_dead() == {}
        assert facts(one) == (0, 30)
        # It was only slow.
        bank.beat("silent")
        assert not BudgetBlock.objects.exclude(settled_at=None).exists()

    def test_a_worker_that_holds_nothing_is_not_taken_for_dead(self) -> None:
        one = window(1, 100)
        draw("idle", [want({one: 10}, 100)])
        BudgetBlock.objects.update(amount=0, heartbeat=datetime.now(UTC) - 2 * dead_workers.DEAD)
        assert dead_workers.settle_dead() == {}

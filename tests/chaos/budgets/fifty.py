"""Fifty requests at once through two servers, against what is left of a budget: enough for three of them."""

from __future__ import annotations

import math
from decimal import Decimal

import msgspec
from django.db import connection

from access.models import Budget
from tests.budgets.spending import cents_for, estimated
from tests.chaos.arena import Arena, Server
from tests.chaos.budgets import money
from tests.chaos.driver import Call
from tests.chaos.plan import Act, Plan
from tests.harness.patience import until
from usage.budgets import standing
from usage.budgets.models import BudgetBlock, BudgetWindow
from usage.money import to_pico

FIFTY = 50
_OUTPUT = 50
"""Tokens of an answer."""
_WORDS = 70
"""Of an answer: as many characters as that are tokens, four each."""
_PROMPT = 16_000
"""Words of a prompt, so many that it costs far more than the answer."""


class Fifty:
    """A budget of nothing for the driver's key, and two servers that know it. Money is in pico-dollars.

    Each request asks for `times` as many tokens as its answer has.
    """

    def __init__(self, arena: Arena, times: int = 1, **env: str) -> None:
        self._arena = arena
        self._asked = times * _OUTPUT
        self._budget: Budget = money.budget(Decimal("0.01"))
        self.killed: set[int] = set()
        """Process ids."""
        self._unread = 0
        self.servers = arena.serve_two(**env)
        plan = self._plan(1.0, 0.0)
        self.tokens = plan.acts["claude"].input or 0
        prices = arena.prices["claude"]
        self._rate, self._output_rate = int(prices.input * 10**6), int(prices.output * 10**6)
        # The estimate differs by the length of a session's name.
        self.need = (math.ceil(self.tokens * 5 / 4) + 5) * self._rate + self._asked * self._output_rate

    @property
    def cap(self) -> int:
        """The budget's amount."""
        return to_pico(self._budget.amount)

    def allow_three(self) -> None:
        """Leaves what three requests reserve, and less than a cent more."""
        used = sum(money.spent_and_drawn()) if BudgetWindow.objects.exists() else 0
        self._budget.amount = cents_for(used + 3 * self.need)
        self._budget.save()
        for server in self.servers:
            server.wait_snapshot()

    def send(self, counts: float = 1.0, wait: float = 0.0) -> list[Call]:
        """Fifty requests, to each server by turns, to a provider that waits for some seconds before it answers, and
        counts so many times what is estimated."""
        driver, calls = self._arena.driver, list[Call]()
        plans = [self._plan(counts, 0.015, wait) for _ in range(FIFTY)]
        for number, server in enumerate(self.servers):
            driver.port = server.port
            calls += driver.send(plans[number::2])
        return calls

    def wait_speaking(self, calls: list[Call]) -> Call:
        """The first one to be answered."""
        until(lambda: any(call.speaking and call.status == 200 for call in calls), "an answer")
        return next(call for call in calls if call.speaking and call.status == 200)

    def kill(self, server: Server) -> None:
        """A crash."""
        self.killed.add(server.pid)
        self._arena.killed.append(server.kill())

    def start_again(self, server: Server) -> None:
        """Until it serves, and what was to adopt of the killed ones is adopted."""
        server.launch()
        server.wait_ready()
        folders = [f"*-{pid}" for pid in self.killed]
        until(
            lambda: not any(list(self._arena.journal.glob(folder)) for folder in folders), "the journals to be adopted"
        )

    def wait_quiet(self, calls: list[Call]) -> int:
        """Until all have ended and living workers hold nothing; returns how many were served. The others were refused
        for the budget, or lost with a killed server."""
        self._arena.driver.wait(calls)
        for call in calls:
            served = call.finished and call.status == 200
            refused = call.status == 429 and b"billing_error" in call.text
            assert served or refused or (self.killed and call.status in {None, 200}), call
        until(lambda: not self._living(), lambda: f"{list(BudgetBlock.objects.values())}")
        until(money.is_sum_of_rows, "a window to be the sum of its rows")
        return sum(call.finished for call in calls)

    def holds(self) -> tuple[int, int, int]:
        """Returns what is billed, spent and drawn. Nothing was billed that is not spent or drawn, and together that is
        at most the budget."""
        billed = money.billed(self._arena)
        spent, drawn = money.spent_and_drawn()
        assert billed - self._unread <= spent + drawn <= self.cap, (billed, self._unread, spent, drawn, self.cap)
        return billed, spent, drawn

    def exceeds(self, counts: float, under_way: int) -> int:
        """Returns what is spent. More was billed than the budget, but no more than the input of the requests under way
        that was not reserved, where the provider counts so many times what is estimated."""
        billed = money.billed(self._arena)
        spent, drawn = money.spent_and_drawn()
        unreserved = math.ceil(self.tokens * (counts - 1.25)) * self._rate
        assert self.cap < spent + drawn <= self.cap + under_way * unreserved, (spent, drawn, self.cap)
        assert billed <= self.cap + under_way * unreserved, (billed, self.cap)
        # What a provider sends before it sees that nobody reads.
        self._unread = max(0, billed - spent - drawn)
        assert self._unread <= under_way * _OUTPUT * self._output_rate
        return spent

    def use_up(self) -> None:
        """Sends one after the other until one is refused: less than one reservation is unused then."""
        driver = self._arena.driver
        for number in range(FIFTY):
            driver.port = self.servers[number % 2].port
            calls = driver.send([self._plan(1.0, 0.0)])
            if not self.wait_quiet(calls):
                break
        _, spent, drawn = self.holds()
        assert self.cap - spent - drawn < self.need, (spent, drawn, self.cap, self.need)

    def overdraft(self) -> int:
        """What the pages show as overdraft."""
        connection.close()
        assert self._budget.key is not None
        (found,) = standing.now(standing.of_key(self._budget.key))
        return to_pico(found.overdraft)

    def _living(self) -> list[BudgetBlock]:
        """What workers hold that were not killed."""
        blocks = BudgetBlock.objects.filter(amount__gt=0)
        return [block for block in blocks if int(block.worker.rpartition("-")[2]) not in self.killed]

    def _plan(self, counts: float, pause: float, wait: float = 0.0) -> Plan:
        """A request whose provider counts its prompt as the servers estimate it, so many times."""
        act = Act(words=_WORDS, wait=wait, pause=pause, input=0, cache_read=None, output=_OUTPUT)
        plan = self._arena.plan("claude", act=act, max_tokens=self._asked, padding=_PROMPT)
        for _ in range(3):  # what is counted stands in the prompt, too
            body = plan.body()
            tokens = int(estimated(body, msgspec.json.encode(body)) * counts)
            plan = msgspec.structs.replace(plan, acts={"claude": msgspec.structs.replace(act, input=tokens)})
        return plan

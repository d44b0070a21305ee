"""Workers are processes: they charge at the same time, and are killed."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence

import pytest

from access.allowances.policy import Charge, Store
from tests.allowances.charges import InFile, InRedis, quota, rate, slot
from tests.allowances.child import Child
from tests.harness.patience import SOON, until

Shared = InFile | InRedis


@pytest.fixture(params=["in_file", "in_redis"])
def shared(request: pytest.FixtureRequest) -> Shared:
    """A store that processes share, in real time."""
    backend: Shared = request.getfixturevalue(request.param)
    if isinstance(backend, InFile):
        backend.clock = time.time  # type: ignore[assignment]
    return backend


def child(shared: Shared) -> Child:
    return Child(str(shared.folder)) if isinstance(shared, InFile) else Child(shared.url, shared.prefix)


def used(shared: Shared, charges: Sequence[Charge], *, keep: bool = False) -> list[float]:
    """What a worker that comes now sees."""

    async def look() -> list[float]:
        store: Store = shared.worker()
        if keep:
            await store.keep()
        try:
            return await store.used(charges)
        finally:
            await store.close()

    return asyncio.run(look())


def test_processes_at_the_same_time_take_exactly_what_there_is(shared: Shared) -> None:
    with child(shared) as one, child(shared) as two, child(shared) as three:
        for worker in (one, two, three):
            worker.ask("take 100")
        taken = [worker.answer() for worker in (one, two, three)]
    assert sum(taken) == 100
    assert used(shared, [quota("day", 100), rate("minute", 1e6, span=1e9)]) == pytest.approx([100, 100], abs=1e-2)


def test_slots_of_a_killed_process_are_free_and_those_of_others_are_held(shared: Shared) -> None:
    with child(shared) as living:
        with child(shared) as dead:
            for worker, count in ((living, 3), (dead, 4)):
                worker.ask(f"hold {count}")
                assert worker.answer() == count
            assert used(shared, [slot("streams", 10)]) == [7.0]
        until(lambda: used(shared, [slot("streams", 10)], keep=True) == [3.0], "4 slots of 7", timeout=SOON)


def test_a_process_that_ends_gives_its_slots_back(shared: Shared) -> None:
    with child(shared) as worker:
        worker.ask("hold 4")
        assert worker.answer() == 4
        worker.process.communicate()
    assert used(shared, [slot("streams", 10)]) == [0.0]


def test_a_process_that_is_killed_while_it_charges_leaves_what_others_can_use(shared: Shared) -> None:
    """Wherever it was: nothing is lost that it had reported, one call more at most is counted, nobody waits."""
    charges = [quota("a", 1e9), rate("b", 1e9, span=1e12), quota("c", 1e9)]
    reported = 0
    for killed in range(1, 6):
        with child(shared) as worker:
            worker.ask("hammer")
            assert worker.process.stdout is not None
            reported += len(worker.process.stdout.read(20))
            time.sleep(random.random() / 50)
            worker.process.kill()
            reported += len(worker.process.stdout.read())
        assert reported >= 20 * killed
        for amount in used(shared, charges):
            assert reported - 0.5 <= amount <= reported + killed + 0.5
    until(lambda: used(shared, [slot("streams", 1000)], keep=True) == [0.0], "free slots", timeout=SOON)

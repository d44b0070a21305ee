"""Whatever is done in whatever order: the file and Redis say what memory says."""

from __future__ import annotations

import asyncio
import itertools
import math
import tempfile
from operator import itemgetter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from access.allowances import cell_file
from access.allowances.policy import Charge, Exceeded, Kind, Store
from tests.allowances.charges import DAY_ENDS, InFile, InMemory, InRedis, quota, rate, slot
from tests.allowances.redis_server import RedisServer

_CELL = itemgetter(0)
_CELLS = {
    "rate": st.builds(rate, st.sampled_from("abc"), st.sampled_from([5.0, 20.0]), st.integers(0, 7).map(float)),
    "quota": st.builds(
        quota,
        st.sampled_from("def"),
        st.sampled_from([5.0, 20.0]),
        st.integers(0, 7).map(float),
        until=st.sampled_from([DAY_ENDS, DAY_ENDS + 86_400, DAY_ENDS + 172_800]),
    ),
    "slots": st.builds(slot, st.sampled_from("gh"), st.sampled_from([2.0, 5.0])),
}
_CHARGES = st.lists(st.one_of(*_CELLS.values()), max_size=6, unique_by=_CELL)
_CORRECTIONS = st.lists(
    st.builds(
        lambda charge, units: (*charge[:4], float(units)),
        st.one_of(_CELLS["rate"], _CELLS["quota"]),
        st.integers(-9, 9),
    ),
    max_size=3,
    unique_by=_CELL,
)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("charge"), _CHARGES),
        st.tuples(st.just("correct"), _CORRECTIONS),
        st.tuples(st.just("release"), st.lists(_CELLS["slots"], max_size=2, unique_by=_CELL)),
        st.tuples(st.just("wait"), st.floats(0, 200)),
        st.tuples(st.just("keep"), st.just([])),
    ),
    max_size=30,
)
_ALL = [rate(name, 20) for name in "abc"] + [quota(name, 20) for name in "def"] + [slot(name, 5) for name in "gh"]
_prefixes = (f"differential {number}" for number in itertools.count())


def slow(charges: list[Charge]) -> list[Charge]:
    """The same with rates that hardly refill."""
    return [
        (cell, kind, most, 1e9 / most if kind is Kind.RATE else span, units)
        for cell, kind, most, span, units in charges
    ]


async def step(store: Store, what: str, charges: list[Charge]) -> Exceeded | None:
    if what == "charge":
        return await store.charge(charges)
    if what == "correct":
        await store.correct(charges)
    elif what == "release":
        await store.release(charges)
    else:
        await store.keep()
    return None


@given(steps=_STEPS)
# A limit that is changed while its cell means nothing: one store has forgotten the cell, the other has not.
@example(
    steps=[
        ("correct", [rate("b", 20.0, 8.0)]),
        ("wait", 24.0),
        ("keep", []),
        ("charge", [rate("b", 5.0)]),
    ]
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_the_file_says_what_memory_says(steps: list[tuple[str, list[Charge] | float]]) -> None:
    async def compare(folder: Path) -> None:
        model, backend = InMemory(), InFile(folder)
        backend.clock = model.clock
        # Two workers take turns. Each releases what it holds itself, as workers do.
        workers = [backend.worker(), backend.worker()]
        holders: dict[bytes, list[int]] = {}
        for number, (what, charges) in enumerate(steps):
            if isinstance(charges, float):
                model.clock.now += charges
                continue
            turn = number % 2
            if what == "release":
                charges = [charge for charge in charges if turn in holders.get(charge[0], [])]
                for cell, *_ in charges:
                    holders[cell].remove(turn)
            expected = await step(model.store, what, charges)
            assert await step(workers[turn], what, charges) == expected
            if what == "charge" and expected is None:
                for cell, kind, *_ in charges:
                    if kind is Kind.SLOTS:
                        holders.setdefault(cell, []).append(turn)
            assert await workers[turn].used(_ALL) == await model.store.used(_ALL)
        for worker in workers:
            await worker.close()

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        # A small file is made more quickly.
        patched.setattr(cell_file, "GROUPS", 4)
        asyncio.run(compare(Path(folder)))


@given(steps=_STEPS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_redis_says_what_memory_says(steps: list[tuple[str, list[Charge] | float]], redis_server: RedisServer) -> None:
    """Without waiting: its rates refill by the little time that passes meanwhile."""

    async def compare() -> None:
        model = InMemory()
        store = InRedis(redis_server.url, next(_prefixes), lease_seconds=60.0).worker()
        for what, charges in steps:
            if isinstance(charges, float):
                continue
            expected = await step(model.store, what, slow(charges))
            found = await step(store, what, slow(charges))
            assert (found is None) is (expected is None), (found, expected)
            if found is not None and expected is not None:
                assert found.number == expected.number
                if math.isfinite(expected.retry_after):
                    assert found.retry_after == pytest.approx(expected.retry_after, rel=1e-3, abs=30)
            assert await store.used(slow(_ALL)) == pytest.approx(await model.store.used(slow(_ALL)), abs=1e-4)
        await store.close()

    asyncio.run(compare())

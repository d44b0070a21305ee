"""What only the file of several workers must do."""

from __future__ import annotations

import asyncio
import fcntl
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from access.allowances import cell_file
from access.allowances.policy import StoreUnreadable
from tests.allowances.charges import InFile, quota, rate, slot
from tests.harness.gateway import ROOT


def test_what_was_counted_survives_a_restart_and_slots_do_not(in_file: InFile) -> None:
    async def scenario() -> None:
        store = in_file.worker()
        assert await store.charge([quota("day", 10, 7), slot("streams", 2)]) is None
        await store.close()
        store = in_file.worker()
        assert await store.used([quota("day", 10), slot("streams", 2)]) == [7.0, 0.0]
        await store.close()

    asyncio.run(scenario())


def test_who_holds_the_lock_for_long_is_not_waited_for(in_file: InFile) -> None:
    async def scenario() -> None:
        store = in_file.worker()
        assert await store.charge([slot("streams", 2), slot("others", 2)]) is None
        with (in_file.folder / "cells-1").open("r+") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            began = time.monotonic()
            with pytest.raises(StoreUnreadable):
                await store.charge([quota("day", 10)])
            assert 0.04 < time.monotonic() - began < 5.0
            # Raises nothing, since nobody could do anything about it.
            await store.release([slot("streams", 2)])
        await store.keep()
        assert await store.used([slot("streams", 2), slot("others", 2), quota("day", 10)]) == [0.0, 1.0, 0.0]
        await store.close()

    asyncio.run(scenario())


def test_a_folder_that_was_removed_is_made_anew_and_slots_stay_held(in_file: InFile) -> None:
    async def scenario() -> None:
        first, second = in_file.worker(), in_file.worker()
        assert await first.charge([slot("streams", 3)]) is None
        assert await second.charge([slot("streams", 3)]) is None
        shutil.rmtree(in_file.folder)
        for store in (first, second):
            await store.keep()
        assert await first.used([slot("streams", 3)]) == [2.0]
        assert await second.charge([slot("streams", 3)]) is None
        assert await first.charge([slot("streams", 3)]) is not None
        for store in (first, second):
            await store.close()

    asyncio.run(scenario())


def test_a_folder_that_cannot_be_made_is_a_store_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    async def scenario() -> None:
        in_file = InFile(tmp_path / "file" / "allowances")
        store = in_file.worker()
        for call in (store.charge([quota("day", 10)]), store.correct([]), store.used([]), store.keep()):
            with pytest.raises(StoreUnreadable):
                await call
        await store.close()

    asyncio.run(scenario())


def test_a_making_that_was_interrupted_is_finished(in_file: InFile) -> None:
    async def scenario() -> None:
        in_file.folder.mkdir()
        (in_file.folder / "cells-1").write_bytes(bytes(1000))
        store = in_file.worker()
        assert await store.charge([quota("day", 10)]) is None
        await store.close()

    asyncio.run(scenario())


def test_a_full_group_forgets_what_is_nearest_to_meaning_nothing(
    in_file: InFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cell_file, "GROUPS", 1)

    async def scenario() -> None:
        store = in_file.worker()
        now = in_file.now()
        lasting = [quota("day", 10), slot("streams", 2), quota("week", 10, until=now + 600_000)]
        assert await store.charge(lasting) is None
        for number in range(100):
            charges = [rate(f"{number}", 10), rate(f"{number} too", 10), quota("soon", 1000, until=now + 90)]
            assert await store.charge(charges) is None
            # What is charged in one call is not forgotten for the sake of the same call.
            assert await store.used(charges) == [1.0, 1.0, number + 1.0]
        assert await store.used(lasting) == [1.0, 1.0, 1.0]
        # Slots that nobody holds any more mean nothing.
        for number in range(100):
            assert await store.charge([slot(f"free {number}", 1)]) is None
            await store.release([slot(f"free {number}", 1)])
        assert await store.used(lasting) == [1.0, 1.0, 1.0]
        await store.close()

    asyncio.run(scenario())


def test_more_cells_than_places_are_not_counted_halfway_for_ever(
    in_file: InFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cell_file, "GROUPS", 1)

    async def scenario() -> None:
        store = in_file.worker()
        with pytest.raises(StoreUnreadable):
            await store.charge([quota(f"{number}", 10) for number in range(17)])
        assert await store.charge([quota("another", 10)]) is None
        await store.close()

    asyncio.run(scenario())


def test_more_workers_than_columns_are_refused_and_served_again_once_one_has_gone(
    in_file: InFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("access.allowances.mapped.COLUMNS", 2)

    async def scenario() -> None:
        workers = [in_file.worker() for _ in range(3)]
        for worker in workers[:2]:
            await worker.keep()
        with pytest.raises(StoreUnreadable, match="more than 2 workers"):
            await workers[2].charge([quota("day", 10)])
        await workers[0].close()
        assert await workers[2].charge([quota("day", 10)]) is None
        for worker in workers[1:]:
            await worker.close()

    asyncio.run(scenario())


_DIES_AT_EACH_LINE = """
import asyncio, os, signal, sys
from pathlib import Path
from access.allowances import cell_file, mapped
from tests.allowances.charges import InFile, quota, rate, slot
cell_file.GROUPS = 1
in_file = InFile(Path(sys.argv[1]))
new = lambda line: [rate(f"new {line}", 5), quota(f"new day {line}", 5), slot(f"new slots {line}", 5)]
charges = lambda: [quota("day", 1e6), rate("minute", 1e6, span=1e12), slot("streams", 50), quota("tomorrow", 1e6)]

READS = {"get", "_find", "_columns", "_name_at", "_ends_at", "_group_of", "is_at", "<genexpr>", "<listcomp>"}

def die_at(line):
    count = 0
    def trace(frame, event, argument):
        nonlocal count
        code = frame.f_code
        if code.co_filename in (cell_file.__file__, mapped.__file__) and code.co_name not in READS:
            count += 1
            if count == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace
    async def charge():
        store = in_file.worker()
        await store.charge(charges() + new(line))
        await store.release([slot("streams", 50)])
        await store.keep()
    sys.settrace(trace)
    asyncio.run(charge())
    os._exit(0)

async def look(before, line):
    store = in_file.worker()
    await store.keep()
    after = await store.used(charges())
    for amount, most in zip(await store.used(new(line)), (1, 1, 0)):
        assert amount <= most, "what another cell had counted before"
    assert after[2] == 0, "a dead worker's slots"
    for was, amount in zip(before, after):
        assert was - 1e-4 <= amount <= was + 1 + 1e-4, (before, after)
    assert await store.charge([quota("day", 1e6), quota("of now", 1e6), slot("streams", 50)]) is None
    await store.release([slot("streams", 50)])
    after = await store.used(charges())
    # Every other place has much in it that means nothing any more: theirs will be taken.
    for number in range(12):
        assert await store.charge([rate(f"{line} {number}", 1e6, 50, span=1e-6)]) is None
    await store.close()
    return after

lines, used = 0, asyncio.run(look([0, 0, 0, 0], 0))
while True:
    lines += 1
    child = os.fork()
    if not child:
        die_at(lines)
    ended = os.waitpid(child, 0)[1]
    used = asyncio.run(look(used, lines))
    if os.WIFEXITED(ended):
        assert os.WEXITSTATUS(ended) == 0
        break
print(lines)
"""


def test_a_worker_may_be_killed_at_any_line(tmp_path: Path) -> None:
    """Any that may change something. In a small file, so that its charges take others' places; after each death another
    worker looks and charges."""
    command = [sys.executable, "-c", _DIES_AT_EACH_LINE, str(tmp_path / "allowances")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 200

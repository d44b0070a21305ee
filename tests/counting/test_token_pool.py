"""Counting happens beside the event loop, and nobody waits for it long."""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from typing import Any

import pytest

from providers.counting import tokenizer
from providers.counting.tokenizer import TokenPool
from tests.harness.patience import PATIENCE

BODY = {"messages": [{"role": "user", "content": "Hello, Claude"}]}


def test_it_counts_in_a_thread_of_its_own() -> None:
    async def count() -> int | None:
        pool = TokenPool()
        try:
            return await pool.count(BODY, "gpt-5.2")
        finally:
            pool.close()

    assert asyncio.run(count()) == 10


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A tokenizer that counts only when it is told to."""
    gate = threading.Event()

    def wait(body: Any, model: str) -> int:
        assert gate.wait(PATIENCE)
        return 7

    monkeypatch.setattr(tokenizer, "count_tokens", wait)
    yield gate
    gate.set()


def test_who_waits_too_long_gets_no_count(stuck: threading.Event) -> None:
    async def count() -> list[int | None]:
        pool = TokenPool(patience=0.05)
        first = [await pool.count(BODY, "m"), await pool.count(BODY, "m")]
        stuck.set()
        pool._patience = PATIENCE
        return [*first, await pool.count(BODY, "m")]

    assert asyncio.run(count()) == [None, None, 7]


def test_a_full_queue_turns_away_at_once(stuck: threading.Event) -> None:
    async def count() -> list[int | None]:
        pool = TokenPool(waiting=1, patience=2 * PATIENCE)
        waiting = [asyncio.ensure_future(pool.count(BODY, "m")) for _ in range(2)]
        await asyncio.sleep(0)
        turned_away = await asyncio.wait_for(pool.count(BODY, "m"), PATIENCE)
        stuck.set()
        return [turned_away, *await asyncio.gather(*waiting)]

    assert asyncio.run(count()) == [None, 7, 7]


def test_a_machine_without_a_tokenizer_has_no_count(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer._vocabulary.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    async def count() -> int | None:
        return await TokenPool().count(BODY, "gpt-5.2")

    assert asyncio.run(count()) is None

"""A value of short life: one fetch for all who wait, renewed beside the requests; failures are told."""

from __future__ import annotations

import asyncio
import threading

import pytest

from providers.errors import ErrorKind, UpstreamError
from providers.platforms import renewed
from providers.platforms.renewed import Fetched, NotAuthorized, RenewedSecret
from tests.harness.patience import PATIENCE, until


class Source:
    """Something to fetch from: it counts, may be slow and may fail."""

    def __init__(self, renew_after: float = 60.0, good_for: float = 600.0) -> None:
        self.times = 0
        self.fails: Exception | None = None
        self.open = threading.Event()
        self.open.set()
        self.renew_after, self.good_for = renew_after, good_for

    def __call__(self) -> Fetched[int]:
        self.times += 1
        number = self.times
        assert self.open.wait(PATIENCE)
        if self.fails is not None:
            raise self.fails
        return Fetched(number, self.renew_after, self.good_for)


def test_many_at_once_share_one_fetch() -> None:
    source = Source()
    source.open.clear()
    token = RenewedSecret("A token", source)

    async def all_of_them() -> list[int]:
        waiting = [asyncio.create_task(token.value()) for _ in range(50)]
        await asyncio.sleep(0.05)
        waiting.pop().cancel()
        source.open.set()
        return await asyncio.gather(*waiting)

    assert asyncio.run(all_of_them()) == [1] * 49
    # Another event loop, another thread's: the same value.
    assert asyncio.run(token.value()) == 1
    assert source.times == 1


def test_it_is_renewed_beside_the_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewed, "_PAUSE", 0.0)
    source = Source(renew_after=0.0)
    token = RenewedSecret("A token", source)
    assert asyncio.run(token.value()) == 1
    source.open.clear()
    # Nobody waits for the renewal, which does not end before the gate is opened.
    assert [asyncio.run(token.value()) for _ in range(5)] == [1] * 5
    source.open.set()
    until(lambda: asyncio.run(token.value()) >= 2, "the value to be renewed")


def test_a_value_that_has_ended_is_waited_for_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewed, "_PAUSE", 0.0)
    token = RenewedSecret("A token", Source(renew_after=0.0, good_for=0.0))
    assert [asyncio.run(token.value()) for _ in range(3)] == [1, 2, 3]


def test_a_failed_renewal_leaves_the_old_value_and_pauses(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(renewed, "_PAUSE", 0.0)
    source = Source(renew_after=0.0)
    token = RenewedSecret("A token", source)
    assert asyncio.run(token.value()) == 1
    source.fails = ValueError("holds a secret")
    monkeypatch.setattr(renewed, "_PAUSE", 100.0)
    assert asyncio.run(token.value()) == 1
    until(lambda: "ValueError" in caplog.text, "the renewal to fail")
    assert [asyncio.run(token.value()) for _ in range(5)] == [1] * 5
    assert source.times == 2
    assert "holds a secret" not in caplog.text


@pytest.mark.parametrize("error", [NotAuthorized("Enter a key."), RuntimeError("secret")])
def test_without_a_value_the_reason_is_reported_each_time(error: Exception) -> None:
    source = Source()
    source.fails = error
    token = RenewedSecret("The token", source)
    for _ in range(2):
        with pytest.raises(UpstreamError) as caught:
            asyncio.run(token.value())
        assert caught.value.kind is ErrorKind.AUTHENTICATION
        assert "secret" not in caught.value.message
    assert source.times == 2
    source.fails = None
    assert asyncio.run(token.value()) == 3

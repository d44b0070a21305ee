"""A body's values, depth and numbers are bounded before and while it is read; nothing that is text alone is refused."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
import weakref
from typing import Any

import msgspec
import pytest

from providers.claude import client_json
from providers.claude.history import lists
from providers.offload import off_loop
from streaming.ingress.claude import intake
from streaming.ingress.claude.errors import ClaudeError
from usage.collector import at_rest

MESSAGE = {"model": "m", "max_tokens": 5}


def _body(**fields: Any) -> bytes:
    return msgspec.json.encode({**MESSAGE, "messages": [{"role": "user", "content": "hi"}], **fields})


@pytest.mark.parametrize(
    "body",
    [
        _body(metadata={"x": [[]] * 300_000}),
        _body(metadata={f"k{number}": 1 for number in range(300_000)}),
        _body(tools=[{}] * 300_000),
        _body(messages=[{"role": "user", "content": ""}] * 160_000),
        _body(messages=[{"role": "user", "content": [{"type": "text"}] * 160_000}]),
    ],
)
def test_more_values_than_the_limit_are_refused_unread(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "decoded", lambda body: pytest.fail("it was read"))
    with pytest.raises(ClaudeError) as caught:
        intake.parse(body)
    assert (caught.value.status, caught.value.code) == (400, "too_many_values")
    assert "more than 300000 JSON values" in caught.value.message


@pytest.mark.parametrize("text", ["1,2,3,4\n" * 500_000, json.dumps([{"a": [1, [], {}]}] * 200_000)])
def test_four_megabytes_of_data_in_one_text_are_read(text: str) -> None:
    content = intake.parse(_body(messages=[{"role": "user", "content": [{"type": "text", "text": text}]}]))
    assert content["messages"][0]["content"][0]["text"] == text


def test_the_limit_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    body = _body(metadata={"x": [0] * 30_000})
    intake.parse(body)
    monkeypatch.setattr(intake, "MAX_JSON_VALUES", 10_000)
    with pytest.raises(ClaudeError):
        intake.parse(body)


@pytest.mark.parametrize(
    ("body", "heavy"),
    [
        (_body(), False),
        (_body(system="x" * 200_000), False),
        (_body(system="x" * 300_000), True),
        (_body(tools=[{}] * 3_000), False),
        (_body(tools=[{"a": 1}] * 5_000), True),
    ],
)
def test_a_heavy_body_is_recognized(body: bytes, heavy: bool) -> None:
    assert asyncio.run(intake.parsed(body)) == (msgspec.json.decode(body), heavy)


def test_a_big_body_is_read_in_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []

    def decode(body: bytes) -> dict[str, Any]:
        threads.append(threading.current_thread())
        return {}

    monkeypatch.setattr(intake, "decoded", decode)
    asyncio.run(intake.parsed(_body(system="x" * 300_000)))
    asyncio.run(intake.parsed(_body()))
    assert [thread is threading.main_thread() for thread in threads] == [False, True]


@pytest.mark.parametrize("number", [b"1e300", b"5e-324", b"1.7976931348623157e308", b"0.1", b"-2.5e-3"])
def test_numbers_are_read_exactly_and_soon(number: bytes) -> None:
    body = _body(metadata={"x": 0}).replace(b'"x":0', b'"x":[' + b",".join([number] * 100_000) + b"]")
    began = time.thread_time()
    read = intake.parse(body)["metadata"]["x"]
    assert time.thread_time() - began < 0.5  # msgspec's own reader takes a second.
    assert set(read) == {float(number)}


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"1.e5", b"1e", b"01"])
def test_what_is_no_number_is_refused(number: bytes) -> None:
    with pytest.raises(ClaudeError) as caught:
        intake.parse(_body(metadata={"x": 0}).replace(b'"x":0', b'"x":' + number))
    assert caught.value.code == "invalid_json"


@pytest.mark.parametrize("numbers", [[10**4_000], [-(10**310)], [2**65] * 10_001])
def test_integers_of_very_many_digits_are_refused_in_big_bodies(numbers: list[int]) -> None:
    text = json.dumps({**MESSAGE, "x": {"y": numbers}, "system": "x" * 300_000}).encode()
    with pytest.raises(ClaudeError, match="400") as caught:
        intake.parse(text)
    assert caught.value.message == "The body holds numbers of too many digits."
    good = [10**300, 2**64 - 1, True, *[2**65] * 9_000]
    assert intake.parse(json.dumps({"x": good, "system": "x" * 300_000}).encode())["x"] == good


def test_the_collector_rests_while_a_body_is_read_and_works_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def decode(body: bytes) -> dict[str, Any]:
        seen.append(gc.isenabled())
        return {}

    monkeypatch.setattr(lists, "decode_shallow", decode)
    intake.parse(_body(system="x" * 20_000))
    assert seen == [False]
    assert gc.isenabled()
    monkeypatch.undo()
    for broken in (b'{"a":' + b" " * 20_000, b'{"a":"' + b"\xff" * 20_000 + b'"}', b"[" * 20_000):
        with pytest.raises(ClaudeError):
            intake.parse(broken)
        assert gc.isenabled()


def test_the_collector_rests_until_the_last_who_asked_is_done() -> None:
    with at_rest:
        with at_rest:
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(KeyError), at_rest:
        raise KeyError
    assert gc.isenabled()
    entered, leave = threading.Event(), threading.Event()

    def rest() -> None:
        with at_rest:
            entered.set()
            leave.wait(60)

    other = threading.Thread(target=rest)
    with at_rest:
        other.start()
        assert entered.wait(60)
    assert not gc.isenabled()
    leave.set()
    other.join()
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with at_rest:
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_collector_rests_during_work_beside_the_loop() -> None:
    def fail() -> None:
        assert not gc.isenabled()
        raise KeyError

    async def main() -> None:
        assert await off_loop(gc.isenabled) is False
        with pytest.raises(KeyError):
            await off_loop(fail)

    asyncio.run(main())
    assert gc.isenabled()


def test_garbage_is_found_even_while_somebody_always_works() -> None:
    class Cycle:
        def __init__(self) -> None:
            self.itself = self

    async def main() -> None:
        cycle = weakref.ref(Cycle())
        assert cycle() is not None
        with at_rest:  # another one's work
            await off_loop(int)
            assert cycle() is None

    asyncio.run(main())


def test_a_cancelled_request_leaves_the_collector_at_work() -> None:
    async def main() -> None:
        task = asyncio.create_task(intake.parsed(_body(tools=[{"a": 1}] * 90_000)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await intake.parsed(_body(system="x" * 300_000))

    asyncio.run(main())
    deadline = time.monotonic() + 60
    while not gc.isenabled():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _nested(levels: int, *, lists: bool) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if lists and level % 2 else {"a": value}
    return value


@pytest.mark.parametrize("lists", [False, True])
def test_the_depth_of_a_value_is_known_as_soon_as_it_is_read(lists: bool) -> None:
    deepest = _nested(client_json.SHALLOW, lists=lists)
    assert client_json.decode_shallow(json.dumps(deepest)) == deepest
    with pytest.raises(msgspec.ValidationError):
        client_json.decode_shallow(json.dumps(_nested(client_json.SHALLOW + 1, lists=lists)))


@pytest.mark.parametrize("value", [[[[1]]], [[{}]], 0.5, [{"a": [[1, "b", None]]}]])
def test_a_body_with_any_value_is_read(value: Any) -> None:
    assert intake.parse(_body(metadata=value, system="x" * 20_000))["metadata"] == value


@pytest.mark.parametrize(
    "text",
    ["", "no JSON", "[1]", "1", '{"a":' * 100_000, '{"a":' + "[" * 70 + "]" * 70 + "}", '{"a":"' + "x" * 5_000 + '"}'],
)
def test_a_text_that_is_no_small_object_is_none(text: str) -> None:
    assert client_json.small_object(text) is None


def test_a_small_object_is_read() -> None:
    assert client_json.small_object('{"session_id": "s", "n": [1]}') == {"session_id": "s", "n": [1]}


def test_texts_of_a_request_are_read_up_to_a_sum() -> None:
    embedded = client_json.Embedded()
    assert embedded.value('{"a": [1]}') == {"a": [1]}
    assert embedded.value("[" * 100_000) == "[" * 100_000
    assert embedded.value("[" * 70 + "]" * 70) == "[" * 70 + "]" * 70
    big = json.dumps([0] * (client_json.MOST_VALUES - 100))
    assert embedded.value(big) == json.loads(big)
    assert embedded.value(big) == big
    assert embedded.value("[2]") == [2]

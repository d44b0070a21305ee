"""The custom callable, which can be late, wrong or broken and never fails a request."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from proxysite.checks import deployment
from routing.facts.request_facts import RequestFacts
from streaming.custom_router import OVERRUNS, CustomRouter
from tests.harness.patience import PATIENCE
from tests.routing.builders import candidate, chosen_by, make_facts, make_snapshot, reason_of, restricted, route

SNAPSHOT = make_snapshot(route("mine"), route("rest"), default="rest", models=(candidate("a/b:beta"),))
KNOWN = make_facts(text="for me")


def answer(router: CustomRouter, known: RequestFacts = KNOWN) -> str | None:
    return asyncio.run(router.choose(known))


@pytest.mark.parametrize(
    ("named", "found"),
    [("mine", "mine"), ("openrouter:a/b:beta", "openrouter:a/b:beta"), ("gone", "rest"), (None, "rest")],
)
def test_what_it_names_is_taken_as_a_name_is(named: str | None, found: str) -> None:
    assert chosen_by(make_facts(chosen=named), SNAPSHOT)[1] == found


def test_it_does_not_open_what_the_key_may_not_use() -> None:
    known, key = make_facts(chosen="mine"), restricted("rest")
    assert chosen_by(known, SNAPSHOT, key) == ("default_route", "rest")
    assert "allow-list" in reason_of("custom", known, SNAPSHOT, key)


def test_a_plain_function_and_an_async_one_are_given_the_facts() -> None:
    async def later(known: RequestFacts) -> str:
        await asyncio.sleep(0)
        return known.text

    assert answer(CustomRouter(lambda known: known.text, PATIENCE)) == "for me"
    assert answer(CustomRouter(later, PATIENCE)) == "for me"


@pytest.mark.parametrize("wrong", [lambda known: 1 / 0, lambda known: 7, lambda known: "", lambda known: "x" * 500])
def test_its_failures_are_reported_and_fail_no_request(wrong: Any) -> None:
    router = CustomRouter(wrong, PATIENCE)
    assert answer(router) is None
    assert router.failures == 1
    assert "Requests continue without it" in str(router.trouble)
    assert router.is_on


def test_an_async_one_that_is_late_is_given_up() -> None:
    async def never(known: RequestFacts) -> str:
        await asyncio.Event().wait()
        return "mine"

    router = CustomRouter(never, 0.01)
    assert [answer(router) for _ in range(OVERRUNS + 1)] == [None] * (OVERRUNS + 1)
    assert router.is_on


def test_a_plain_one_that_is_late_three_times_is_switched_off_and_says_what_to_do() -> None:
    asked_for = []

    def slow(known: RequestFacts) -> str:
        asked_for.append(known)
        time.sleep(0.002)
        return "mine"

    router = CustomRouter(slow, 0.001)
    assert [answer(router) for _ in range(5)] == ["mine", "mine", "mine", None, None]
    assert len(asked_for) == OVERRUNS
    assert "async def" in str(router.trouble)


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("", None),
        ("no.such.module", "cannot be imported"),
        ("routing.engine.decide", None),
        ("math.pi", "does not name a callable"),
    ],
)
def test_a_path_that_leads_nowhere_is_found_before_the_server_starts(
    path: str, problem: str | None, settings: Any
) -> None:
    settings.CUSTOM_ROUTER = path
    found = [str(message.msg) for message in deployment.custom_router(None)]
    assert (problem is None) is (found == [])
    assert all(str(problem) in message for message in found)

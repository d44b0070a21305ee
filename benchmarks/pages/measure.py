"""Opens pages as a signed-in administrator, in this process: the time, the processor and the queries of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from math import ceil
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.pages.listed import pages

if TYPE_CHECKING:
    from django.test import Client


HOST = "localhost"


class Measured(msgspec.Struct, frozen=True):
    """What a page took, in milliseconds: the first time, at most in 19 of 20 warm runs, and of the processor on
    average. `problem` says what was wrong with it."""

    title: str
    first: float
    p95: float
    queries: int
    cpu: float
    url: str
    problem: str = ""


def browser() -> Client:
    """Returns a browser in which an owner is signed in."""
    from django.contrib.auth.models import User
    from django.test import Client

    found = Client(SERVER_NAME=HOST)
    user, _ = User.objects.get_or_create(username="benchmarks", is_superuser=True, is_staff=True)
    found.force_login(user)
    return found


def measure(visitor: Client, runs: int, only: str = "") -> Iterator[Measured]:
    """Yields each page whose title has `only` in it, with `runs` warm runs; of several the one that took longest."""
    for title, urls in pages(visitor):
        if only in title:
            found = [_measured(visitor, title, url, runs) for url in urls]
            worst = max(found, key=lambda one: (one.problem, one.p95))
            if len(found) > 1:
                title = f"{title}: the slowest of {len(found)}, {worst.url.partition('?')[2]}"
            cpu = max(one.cpu for one in found)
            yield msgspec.structs.replace(worst, title=title, first=max(one.first for one in found), cpu=cpu)


def _measured(visitor: Client, title: str, url: str, runs: int) -> Measured:
    from django.db import connection

    queries: list[str] = []

    def open_() -> Any:
        return visitor.get(url)

    def noted(execute: Callable[..., Any], sql: str, *others: Any) -> Any:
        queries.append(sql)
        return execute(sql, *others)

    first, _, answer = _timed(open_)
    if answer.status_code != 200:
        return Measured(title, first, 0, 0, 0, url, f"HTTP {answer.status_code}: {url}")
    with connection.execute_wrapper(noted):
        open_()
    taken = [_timed(open_)[:2] for _ in range(runs)]
    walls = sorted(wall for wall, _ in taken)
    cpu = sum(used for _, used in taken) / runs
    return Measured(title, first, walls[ceil(0.95 * runs) - 1], len(queries), cpu, url)


def _timed(open_: Callable[[], Any]) -> tuple[float, float, Any]:
    began, used = time.perf_counter(), time.process_time()
    answer = open_()
    return (time.perf_counter() - began) * 1000, (time.process_time() - used) * 1000, answer


def table(found: Iterable[Measured], rows: int) -> Iterator[str]:
    """Yields the lines of a Markdown table, each as its page is measured."""
    yield "| page | rows | first load | p95 of warm loads | queries | CPU |"
    yield "|---|---|---|---|---|---|"
    for one in found:
        if one.problem:
            yield f"| {one.title} | {rows:,} | WRONG: {one.problem} | | | |"
        else:
            times = f"{one.first:.0f} ms | {one.p95:.0f} ms | {one.queries} | {one.cpu:.0f} ms"
            yield f"| {one.title} | {rows:,} | {times} |"

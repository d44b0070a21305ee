"""Fifty streams at a time, and at any moment one of three upstreams fails: no client sees anything of it."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db.models import QuerySet

from providers.models import Model
from routing.models import HealthState
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, make_key, make_model, make_provider, make_route, unique
from tests.harness.gateway import Gateway
from tests.harness.patience import PATIENCE, until
from tests.harness.rows import Rows
from tests.harness.script import CUT, HANG, Reply, Script, Seen, Step, Wait
from tests.harness.upstream import Upstream
from usage.models import AttemptLog, RequestLog

SEED = 20261125
CLIENTS = 50
ROUNDS = 1
PHASE = 1.5
"""Seconds for which one upstream fails."""
START = speak.chat_chunk({"role": "assistant", "content": ""})
HTML = {"content-type": "text/html"}

FAILURES: tuple[Reply, ...] = (
    speak.refusal("openai_chat", 500, "broken"),
    speak.refusal("openai_chat", 529, "busy"),
    speak.refusal("openai_chat", 429, "slow down", headers={"retry-after-ms": "200"}),
    Reply([b"<html><title>502</title></html>"], status=502, headers=HTML),
    Reply([speak.error_in_stream("openai_chat", "broken")]),
    Reply([START, speak.error_in_stream("openai_chat", "broken")]),
    Reply([START, CUT]),
    Reply(before=[CUT]),
    Reply(before=[HANG]),
    Reply([START, HANG]),
)


class Storm(Script):
    """Answers that name the attempt that they are for; whoever's turn it is fails in any way instead."""

    def __init__(self, names: list[str]) -> None:
        super().__init__({})
        self.dice = random.Random(SEED)
        self.names = names
        self.failing = ""
        self.failed: Counter[str] = Counter()

    def next_reply(self, seen: Seen) -> Reply:
        """What an upstream says to a request."""
        super().next_reply(seen)
        name = seen.path.split("/")[1]
        if name == self.failing:
            self.failed[name] += 1
            return self.dice.choice(FAILURES)
        words: list[Step] = [START]
        for word in ("Answer ", "to ", f"attempt {seen.headers['x-attempt-id']}"):
            words += [Wait(0.25), speak.chat_text(word)]
        return Reply([*words, speak.chat_end()])

    def blow(self, opened: Callable[[str], bool], calm: Callable[[], None]) -> None:
        """One upstream after the other fails for a while, by the seed, and at least until a circuit has `opened` for
        it; between two of them it is `calm()`."""
        for _ in range(ROUNDS):
            for name in self.dice.sample(self.names, 3):
                self.failing = name
                time.sleep(PHASE)
                until(lambda: opened(self.failing), f"a circuit of {name}")
                self.failing = ""
                calm()


def _limited(milliseconds: str) -> Reply:
    return speak.refusal("openai_chat", 429, "slow down", headers={"retry-after-ms": milliseconds})


@pytest.fixture(scope="module")
def stormy_gateway(live_database: None, standing: Standing) -> Iterator[Gateway]:
    """A gateway whose circuits stay open for half a second."""
    running = Gateway("storm", env={"CIRCUIT_SECONDS": "0.5", "LOG_LEVEL": "INFO"})
    try:
        yield running.start()
    finally:
        running.stop()


def _open(models: list[Model]) -> QuerySet[HealthState]:
    keys = [key for m in models for key in (f"candidate:{m.provider_id}:{m.pk}", f"provider:{m.provider_id}")]
    return HealthState.objects.filter(key__in=keys).exclude(state="closed")


def _until_closed(models: list[Model]) -> None:
    """Wait for the probe that closes the last circuit."""
    # What hangs fails later, and what one process finds out stands in the database a moment after.
    time.sleep(2.3)
    until(lambda: not _open(models).exists(), "a circuit stays open although its upstream is well")


def test_who_comes_while_everybody_cools_down_waits_as_the_route_retries(
    stormy_gateway: Gateway, upstream: Upstream, orm: Rows, standing: Standing
) -> None:
    brief, long = (make_provider("openai_chat", f"{upstream.base_url}/{name}/v1") for name in ("brief", "long"))
    model = make_model(brief)
    retried, alone = make_route([model], retries=1), make_route([make_model(long)])
    stormy_gateway.wait_snapshot()
    script = upstream.script(brief=[_limited("1500"), speak.chat_answer("now")], long=[_limited("9000")])
    client = Client(stormy_gateway.base_url, standing.key.secret)
    # A route without retries says so at once.
    client.post(message(alone.name, script.prompt)).error(429, "rate_limit_error")
    client.post(message(alone.name, script.prompt)).error(529, "overloaded_error")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(client.post, message(retried.name, script.prompt))
        pair = f"pair:{brief.credentials.get().pk}:{model.pk}"
        paused = HealthState.objects.filter(key=pair).exclude(state="closed")
        until(paused.exists, "the provider to be paused")
        second = pool.submit(client.post, message(retried.name, script.prompt))
        answers = [first.result(PATIENCE), second.result(PATIENCE)]
    assert [answer.stream().text for answer in answers] == ["now", "now"]
    assert [orm.request(answer.request_id).attempts for answer in answers] == [2, 1]


@pytest.mark.both_databases
def test_fifty_streams_while_one_of_three_fails(stormy_gateway: Gateway, upstream: Upstream, orm: Rows) -> None:
    names = [unique("weather") for _ in range(3)]
    storm = Storm(names)
    upstream.play(storm)
    hasty: dict[str, Any] = {"first_event_timeout": 1.5, "idle_timeout": 1.5}
    providers = [make_provider("openai_chat", f"{upstream.base_url}/{name}/v1", **hasty) for name in names]
    models = [make_model(provider) for provider in providers]
    route = make_route(models, retries=2, attempts=6, order="weighted")
    key = make_key()
    stormy_gateway.wait_snapshot()
    client = Client(stormy_gateway.base_url, key.secret)
    over = threading.Event()

    def caller() -> list[tuple[str, str]]:
        received = []
        while not over.is_set():
            answer = client.post(message(route.name, storm.prompt))
            received.append((answer.request_id, answer.stream().text))
        return received

    with ThreadPoolExecutor(CLIENTS) as pool:
        callers = [pool.submit(caller) for _ in range(CLIENTS)]
        try:
            model_of = dict(zip(names, models, strict=True))
            storm.blow(lambda name: _open([model_of[name]]).exists(), lambda: _until_closed(models))
            time.sleep(1)
        finally:
            over.set()
        received = [pair for each in callers for pair in each.result(PATIENCE)]

    # Every upstream did fail, and every answer names the attempt that its row says completed.
    assert set(storm.failed) == set(names)
    rows = {row.request_id: row for row in orm.of_key(key, len(received))}
    assert len(rows) == len(received) == RequestLog.objects.filter(key_id=key.row.pk).count()
    attempts: dict[object, list[AttemptLog]] = {}
    for attempt in AttemptLog.objects.filter(request_log_id__in=[row.id for row in rows.values()]).order_by("number"):
        attempts.setdefault(attempt.request_log_id, []).append(attempt)
    for request_id, text in received:
        row = rows[request_id]
        tried = attempts[row.id]
        assert (row.outcome, row.attempts) == ("completed", len(tried))
        assert [attempt.number for attempt in tried] == list(range(1, len(tried) + 1))
        assert [attempt.outcome for attempt in tried] == ["failed"] * (len(tried) - 1) + ["completed"]
        assert text == f"Answer to attempt {tried[-1].id}"

    # No request was answered twice, and nothing was sent that is no row.
    complete = Counter(seen.headers["x-attempt-id"] for seen in storm.seen if seen.finished and seen.sent > 600)
    sent = {seen.headers["x-attempt-id"] for seen in storm.seen}
    assert set(complete.values()) == {1}
    assert complete.keys() == {str(tried[-1].id) for tried in attempts.values()}
    assert sent <= {str(attempt.id) for tried in attempts.values() for attempt in tried}

    # Circuits opened (there were decisions without a candidate) and closed (everybody was asked again at the end).
    dropped = Counter(lost[0] for row in rows.values() for lost in (row.decision or {})["dropped"])
    assert dropped.keys() == {f"{m.provider.name}: {m.name}" for m in models}
    last = sorted(rows.values(), key=lambda row: row.id)[-CLIENTS:]
    assert {row.model_name for row in last} == {model.name for model in models}
    assert all(row.attempts == 1 for row in last)

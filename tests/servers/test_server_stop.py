"""SIGTERM and SIGINT on `./gateway serve`: nothing that was promised is lost, and the exit code is 0."""

from __future__ import annotations

import itertools
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.harness import speak
from tests.harness.call import Answer, Client, message
from tests.harness.configure import Standing, make_key
from tests.harness.gateway import Gateway
from tests.harness.patience import PATIENCE, until
from tests.harness.rows import Rows
from tests.harness.script import HANG, Gate, Reply
from tests.harness.upstream import Upstream
from usage.models import RequestLog


@pytest.mark.both_databases
def test_a_stop_lets_streams_finish_and_ends_the_rest_with_an_error(
    standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    gateway = Gateway("stop", env={"DRAIN_DELAY": "2", "DRAIN_DEADLINE": "3"}).start()
    try:
        client = Client(gateway.base_url, standing.key.secret)
        gate = Gate()
        finishing = upstream.script(
            Reply(
                [
                    speak.opening("openai_chat", "Going "),
                    gate,
                    speak.more("openai_chat", "on"),
                    speak.closing("openai_chat"),
                ]
            )
        )
        endless = upstream.script(Reply([speak.opening("anthropic", "Never "), HANG]))
        unanswered = upstream.script(Reply(before=[HANG]))
        late = upstream.script(speak.chat_answer("still served"))
        with (
            client.reading(message(standing.routes["openai_chat"].name, finishing.prompt)) as first,
            client.reading(message(standing.routes["anthropic"].name, endless.prompt)) as second,
            ThreadPoolExecutor(1) as pool,
        ):
            third = pool.submit(client.post, message(standing.routes["openai_chat"].name, unanswered.prompt))
            first.until(b"Going ")
            second.until(b"Never ")
            unanswered.wait()
            signalled = time.monotonic()
            gateway.signal()
            # For DRAIN_DELAY it is not ready and still serves, so that a load balancer can switch first.
            until(lambda: gateway.readiness()[0] != 200, "the server to go")
            state = gateway.readiness()
            assert state[0] == 503
            assert "shutting down" in " ".join(state[1]["causes"])
            served = client.post(message(standing.routes["openai_chat"].name, late.prompt))
            assert served.stream().text == "still served"
            until(lambda: gateway.readiness()[0] == 0, "an end of accepting connections")
            assert time.monotonic() - signalled >= 2.0
            gate.open()
            finished = first.finish()
            assert finished.stream().text == "Going on"
            broken = second.finish()
            stream, error = broken.broken_stream()
            assert (stream.text, error["type"]) == ("Never ", "overloaded_error")
            third.result(PATIENCE).error(529, "overloaded_error")
            assert time.monotonic() - signalled >= 5.0
        assert gateway.wait_exit() == 0, gateway.logs()
        assert endless.wait_closed() > signalled
        answers = [finished, served, broken, third.result()]
        # All rows are there when the process is gone.
        outcomes = [RequestLog.objects.get(request_id=answer.request_id).outcome for answer in answers]
        assert outcomes == ["completed", "completed", "interrupted", "interrupted"]
    finally:
        gateway.stop()


@pytest.mark.both_databases
@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_under_load_loses_no_row(workers: int, standing: Standing, upstream: Upstream, orm: Rows) -> None:
    key = make_key()
    gateway = Gateway("load", workers=workers).start()
    answers: list[Answer] = []
    unclear = itertools.count()
    stop = threading.Event()

    def call(number: int) -> None:
        client = Client(gateway.base_url, key.secret)
        script = upstream.script(speak.answer("openai_chat", "loaded"))
        while not stop.is_set():
            try:
                answers.append(client.post(message(standing.routes["openai_chat"].name, script.prompt)))
            except OSError:
                # Refused while it stops: it never became a request.
                next(unclear)
                return

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    try:
        for thread in threads:
            thread.start()
        until(lambda: len(answers) >= 80, lambda: f"80 answers, not {len(answers)}")
        gateway.signal(signal.SIGTERM if workers == 1 else signal.SIGINT)
        assert gateway.wait_exit() == 0, gateway.logs()
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE)
        gateway.stop()
    assert all(answer.stream().text == "loaded" for answer in answers)
    ids = {answer.request_id for answer in answers}
    assert len(ids) == len(answers)
    rows = RequestLog.objects.filter(key_id=key.row.pk)
    assert {row.request_id for row in rows if row.outcome == "completed"} >= ids
    assert rows.count() == len(answers)

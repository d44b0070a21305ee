"""A route that hedges: a second attempt when the first is slower to begin than it usually is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from providers.models import Model, Provider
from routing.models import Route
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import make_model, make_provider, make_route, unique
from tests.harness.gateway import Gateway
from tests.harness.patience import SOON, until
from tests.harness.rows import Rows
from tests.harness.script import CUT, HANG, Gate, Reply, Script, Wait
from tests.harness.upstream import Upstream
from usage.models import AttemptLog

WARM = 20
"""Answers until it is known what is usual."""
USUAL = 0.3


class Pair:
    """A slow and a spare candidate of their own; the slow one's usual time is known."""

    def __init__(self, client: Client, gateway: Gateway, upstream: Upstream, **fields: Any) -> None:
        self.client, self.gateway, self.upstream = client, gateway, upstream
        self.slow, self.spare, self.third = unique("slow"), unique("spare"), unique("third")
        self.models = [self._model(name) for name in (self.slow, self.spare, self.third)]
        usual: Route = make_route(self.models[:1])
        self.route = make_route(self.models, hedges=True, **fields)
        gateway.wait_snapshot()
        script = upstream.script(Reply(before=[Wait(USUAL)], steps=speak.chat_answer().steps))
        with ThreadPoolExecutor(WARM) as pool:
            list(pool.map(client.post, [message(usual.name, script.prompt)] * WARM))

    def _model(self, name: str) -> Model:
        return make_model(make_provider("openai_chat", f"{self.upstream.base_url}/{name}/v1"))

    def give_up_after(self, seconds: float) -> None:
        """Let the silence of the first two be no longer than that."""
        silent = Provider.objects.filter(models__in=self.models[:2])
        silent.update(first_event_timeout=seconds)
        self.gateway.wait_snapshot()

    def script(self, slow: list[Reply], spare: list[Reply], third: list[Reply] | None = None) -> Script:
        """What the three say."""
        never = [speak.refusal("openai_chat", 400, "never asked")]
        return self.upstream.script(**{self.slow: slow, self.spare: spare, self.third: third or never})


@pytest.fixture
def pair(client: Client, gateway: Gateway, upstream: Upstream, orm: Rows) -> Pair:
    return Pair(client, gateway, upstream)


def _ended(attempts: list[AttemptLog]) -> list[tuple[str, str]]:
    return [(attempt.outcome, attempt.error_code) for attempt in attempts]


@pytest.mark.both_databases
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_the_second_answers_for_one_that_is_slow(stream: bool, pair: Pair, orm: Rows) -> None:
    script = pair.script([Reply([HANG])], [speak.chat_answer("from the spare")])
    answer = pair.client.post(message(pair.route.name, script.prompt, stream=stream))
    text = answer.stream().text if stream else answer.json["content"][0]["text"]
    assert text == "from the spare"
    # The one given up is left at once.
    assert script.wait_closed(1) - script.seen[1].arrived < SOON
    row = orm.request(answer.request_id)
    attempts = orm.attempts(row)
    assert _ended(attempts) == [("interrupted", "hedged"), ("completed", "")]
    assert (attempts[0].input_tokens, attempts[0].output_tokens, attempts[0].cost) == (None, None, None)
    assert (row.outcome, row.model_name, row.output_tokens) == ("completed", attempts[1].model_name, 7)
    assert row.cost == attempts[1].cost


def test_the_first_answers_when_its_events_come_first_after_all(pair: Pair, orm: Rows) -> None:
    gate = Gate()
    script = pair.script([Reply(before=[gate], steps=speak.chat_answer("from the slow").steps)], [Reply([HANG])])
    _open_after(lambda: script.wait(2), gate)
    answer = pair.client.post(message(pair.route.name, script.prompt))
    assert answer.stream().text == "from the slow"
    assert script.wait_closed(2)
    row = orm.request(answer.request_id)
    attempts = orm.attempts(row)
    assert _ended(attempts) == [("completed", ""), ("interrupted", "hedged")]
    assert (row.model_name, row.output_tokens) == (attempts[0].model_name, 7)


def test_one_that_is_as_quick_as_usual_stays_alone(pair: Pair) -> None:
    def stays_alone() -> bool:
        script = pair.script([speak.chat_answer("quick")], [speak.chat_answer("at times")])
        pair.client.post(message(pair.route.name, script.prompt)).stream()
        return len(script.seen) == 1

    # It may take longer than usual on a busy machine.
    until(stays_alone, "an answer as quick as usual")


def test_when_both_fail_the_third_is_asked(pair: Pair, orm: Rows) -> None:
    gate = Gate()
    broken = speak.refusal("openai_chat", 500, "broken")
    late = speak.refusal("openai_chat", 502, "late and broken")
    late.before = [gate]
    script = pair.script([late], [broken], [speak.chat_answer("from the third")])
    _open_after(lambda: script.wait(2), gate)
    answer = pair.client.post(message(pair.route.name, script.prompt))
    assert answer.stream().text == "from the third"
    attempts = orm.attempts(orm.request(answer.request_id))
    assert [(a.outcome, a.http_status) for a in attempts] == [("failed", 502), ("failed", 500), ("completed", 200)]


def test_a_failure_of_the_second_ends_nothing(pair: Pair, orm: Rows) -> None:
    gate = Gate()
    script = pair.script(
        [Reply(before=[gate], steps=speak.chat_answer("from the slow").steps)],
        [Reply([speak.error_in_stream("openai_chat", "overloaded")])],
    )
    end = pair.gateway.log_end()
    _open_after(lambda: pair.gateway.wait_logged("attempt failed", end), gate)
    answer = pair.client.post(message(pair.route.name, script.prompt))
    assert answer.stream().text == "from the slow"
    attempts = orm.attempts(orm.request(answer.request_id))
    assert [a.outcome for a in attempts] == ["completed", "failed"]


def test_one_that_was_given_up_has_its_turn_when_the_other_breaks(pair: Pair, orm: Rows) -> None:
    gate, left = Gate(), Gate()
    start = speak.chat_chunk({"role": "assistant", "content": ""})
    script = pair.script(
        [Reply(before=[gate], steps=[start, left, CUT])], [Reply([HANG]), speak.chat_answer("from the spare")]
    )
    _open_after(lambda: script.wait(2), gate)
    _open_after(lambda: script.wait_closed(2), left)
    answer = pair.client.post(message(pair.route.name, script.prompt))
    assert answer.stream().text == "from the spare"
    attempts = orm.attempts(orm.request(answer.request_id))
    assert _ended(attempts) == [("failed", ""), ("interrupted", "hedged"), ("completed", "")]


@pytest.mark.both_databases
def test_a_client_that_goes_ends_both(pair: Pair, orm: Rows) -> None:
    script = pair.script([Reply([HANG])], [Reply([HANG])])
    session = unique("gone-from-both")
    left = pair.client.leave_unanswered(message(pair.route.name, script.prompt), lambda: script.wait(2), session)
    assert script.wait_closed(1) - left < SOON
    assert script.wait_closed(2) - left < SOON
    row = orm.by_session(session)
    assert row.outcome == "client_closed"
    assert [a.outcome for a in orm.attempts(row)] == ["client_closed", "client_closed"]


def test_both_silent_time_out_and_the_third_answers(pair: Pair, orm: Rows) -> None:
    pair.give_up_after(1.5)
    script = pair.script([Reply([HANG])], [Reply([HANG])], [speak.chat_answer("from the third")])
    answer = pair.client.post(message(pair.route.name, script.prompt))
    assert answer.stream().text == "from the third"
    attempts = orm.attempts(orm.request(answer.request_id))
    assert [a.error_type for a in attempts] == ["first_event_timeout", "first_event_timeout", ""]


def test_with_one_attempt_allowed_there_is_none_beside(
    client: Client, gateway: Gateway, upstream: Upstream, orm: Rows
) -> None:
    pair = Pair(client, gateway, upstream, attempts=1)
    script = pair.script([Reply(before=[Wait(1)], steps=speak.chat_answer("alone").steps)], [speak.chat_answer("no")])
    assert client.post(message(pair.route.name, script.prompt)).stream().text == "alone"
    assert len(script.seen) == 1


def _open_after(wait: Callable[[], object], gate: Gate) -> None:
    def opened() -> None:
        wait()
        gate.open()

    threading.Thread(target=opened).start()
